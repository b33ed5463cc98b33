"""The process of one contestant: it does its work, lets the oracle judge, and reports."""

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from sage_local.bench.workload import Timed, Workload, WrongResult


def compete(workloads: Iterable[Workload]) -> None:
    """Run ``WORKLOAD CONTESTANT RECORDS FOLDER`` of the command line; the last line printed is the report, as JSON.

    The clock starts here: what the interpreter and imports at the top of the file take is start-up. The oracle's CPU
    time is reported, to be subtracted from what the process cost. Exits with an error when the result is wrong.
    """
    name, contestant, records, folder = sys.argv[1:]
    workload = next(each for each in workloads if each.name == name)
    started = time.perf_counter()
    outcome = workload.contestants[contestant].run(Path(folder), int(records))
    seconds = time.perf_counter() - started
    timed = outcome if isinstance(outcome, Timed) else Timed(outcome, seconds)
    judged = time.process_time()
    try:
        if workload.check is not None:
            workload.check(Path(folder), int(records), timed.result)
    except WrongResult as error:
        sys.exit(f"wrong result: {error}")
    check_cpu_s = time.process_time() - judged
    report = {
        "seconds": timed.seconds,
        "records": int(records) if timed.records is None else timed.records,
        "check_cpu_s": check_cpu_s,
        "measures": dict(timed.measures),
    }
    print(json.dumps(report))
