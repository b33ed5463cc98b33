"""Looking for the settings under which a user's program runs fastest.

Holds the search as a pure decider, the runs that it asks for, and a page of what came out.
"""
