"""Programs that several rooms' tests run as a user's file."""

ENDLESS = """
import itertools
from sage_local import LocalEnvironment

def step(number):
    return number

env = LocalEnvironment("endless")
env.from_generator(itertools.count, rate=100).map(step).print()
env.submit()
print("drained")
"""
