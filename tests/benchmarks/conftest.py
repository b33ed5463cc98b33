import sys
from pathlib import Path

# The folder of a program, not a package: its modules find each other as they do when it runs.
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "peers"))
