"""``sage bench``: what ``sage_local.bench`` measures, on a terminal and in files."""
