"""Words that every room needs: ids, stream elements, the clock.

Does not hold anything that decides or runs. Imports only ``sage_local.errors``.
"""
