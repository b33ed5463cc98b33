"""What runs a plan: launcher, coordinator, workers, and the rooms below them.

Does not hold anything that users import. May import ``plan`` and below; inside, imports run down the list of the import
contract "Runtime: imports run downwards" in ``pyproject.toml``.
"""
