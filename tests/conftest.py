"""What holds for every test."""

from hypothesis import settings

# A test says nothing about time: on a busy machine any example may take long.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
