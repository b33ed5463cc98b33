"""What the benchmark programs share: choosing a contestant by name and reporting in the harness's form."""

import json
import sys
import time
from collections.abc import Callable


def main(contestants: dict[str, Callable[[], int]]) -> None:
    """Run the contestant named on the command line; it returns the number of records it handled."""
    name = sys.argv[1]
    started = time.perf_counter()
    records = contestants[name]()
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "records": records}))
