"""SIGKILL for the writer and the reader of a ring at random moments, and a look at what the other end sees.

    python benchmarks/ring_kills.py --kills 10000

One process watches, as the coordinator does: at a death it says so in shared memory, wakes the peer whatever its
doorbell says, and gives the victim a successor. In one ring out of two plain records are read in place, and the
successor goes on where the victim stopped. In the others batches are written into an arena and kept on lease; there the
ring is reset, as for the next execution of a job, while what the peer has on lease stays.

Each record carries its number and a checksum. Torn is one that is not whole, also after it was kept for a while, or
not the one that has to come; a hang is a peer not told, or a ring that does not move, within ``PATIENCE_S``. Times are
counted from the signal, just before the kernel's own event, which is the victim's pidfd becoming readable.
"""

import argparse
import importlib
import json
import math
import os
import random
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from statistics import quantiles
from typing import NoReturn

from _ring_ends import read_records, write_records
from _ring_pair import PATIENCE_S, Failed, Pair

from sage_local.runtime.control.processes import ZYGOTE_ENVIRONMENT
from sage_local.testing import leak_check

os.environ.update(ZYGOTE_ENVIRONMENT)  # what forks has one thread, although it imports pyarrow

LONGEST_LIFE_S = 0.003
CAPACITIES = (1 << 10, 1 << 13, 1 << 16)
"""The smallest ring, whose every record meets its end soon; and rings whose records take a while to copy."""
ARENA = 1 << 18
KILLS_PER_RING = 50


class End:
    """A process at one end, and its descriptor."""

    def __init__(self, pair: Pair, which: int, generation: int, seed: int) -> None:
        self.name = Pair.ENDS[which]
        pair.words[Pair.TOLD[which]] = pair.words[Pair.DEATHS]
        self.pid = os.fork()
        if self.pid == 0:
            self._live(pair, (write_records, read_records)[which], generation, seed)
        self.pidfd = os.pidfd_open(self.pid)

    def _live(self, pair: Pair, work: Callable[..., NoReturn], generation: int, seed: int) -> NoReturn:
        status = 1
        try:
            work(pair, generation, random.Random(seed))
        except Failed as failed:
            print(f"{self.name}: {failed.args[1]}", file=sys.stderr, flush=True)
            status = 3 if failed.args[0] == "torn" else 4
        except Exception:  # the edge of the process: whatever the ring raises is a finding
            traceback.print_exc()
        finally:
            os._exit(status)

    def kill(self) -> int:
        """Returns when, once the kernel has told that it is gone."""
        killed_ns = time.monotonic_ns()
        os.kill(self.pid, signal.SIGKILL)
        if not select.select([self.pidfd], [], [], PATIENCE_S)[0]:
            raise Failed("hangs", f"the {self.name} survived SIGKILL")
        return killed_ns

    def bury(self) -> int:
        """Its exit code, as ``os.waitstatus_to_exitcode`` has it."""
        os.close(self.pidfd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Watcher:
    """Kills and replaces the ends of one ring, and keeps the times in which peers were told."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.pair = Pair(chance.choice(CAPACITIES), chance.choice((0, ARENA)))
        self.generation = 1
        self.ends = [self.start(0), self.start(1)]
        self.told_ns: list[int] = []

    def start(self, which: int) -> End:
        return End(self.pair, which, self.generation, self.chance.getrandbits(32))

    def kill_one(self) -> None:
        ended = select.select([end.pidfd for end in self.ends], [], [], self.chance.uniform(0, LONGEST_LIFE_S))[0]
        for end in self.ends:
            if end.pidfd in ended:
                raise Failed("ended", f"the {end.name} ended by itself")
        which = self.chance.randrange(2)
        killed_ns = self.ends[which].kill()
        self.tell_peer(1 - which, killed_ns)
        self.replace(which)
        if self.chance.random() < 0.9:  # the others are killed while they start
            words, before = self.pair.words, self.pair.words[Pair.SEEN]
            self.pair.wait_until(2, "another record", lambda: words[Pair.SEEN] != before)

    def tell_peer(self, peer: int, killed_ns: int) -> None:
        words = self.pair.words
        words[Pair.DEATHS] += 1
        self.pair.bells[peer].wake()
        self.pair.wait_until(2, "told of a death", lambda: words[Pair.TOLD[peer]] == words[Pair.DEATHS])
        self.told_ns.append(words[Pair.TOLD_NS[peer]] - killed_ns)
        if self.pair.arena:
            self.pair.reset()

    def replace(self, which: int) -> None:
        self.ends[which].bury()
        if which == 0:
            self.generation += 1
            self.pair.words[Pair.WRITTEN] += 1  # whether that record was written is not known
        self.ends[which] = self.start(which)

    def finish(self) -> list[int]:
        """Ends both; the exit codes of those that did so by themselves."""
        for end in self.ends:
            os.kill(end.pid, signal.SIGKILL)
        return [code for end in self.ends if (code := end.bury()) != -signal.SIGKILL]


def kill_round(kills: int, chance: random.Random, verdict: dict[str, int]) -> list[int]:
    """One ring; returns how long each peer took to know, in nanoseconds."""
    watcher = Watcher(chance)
    codes = []
    try:
        for _ in range(kills):
            watcher.kill_one()
    except Failed as failed:
        print(failed.args[1], file=sys.stderr)
        verdict["hangs"] += failed.args[0] == "hangs"
    finally:
        codes = watcher.finish()
    verdict["leftovers"] += watcher.pair.arena_in_use()
    verdict["torn"] += codes.count(3)
    verdict["hangs"] += codes.count(4)
    verdict["ended"] += len(codes) - codes.count(3) - codes.count(4)
    return watcher.told_ns


def kill_all(kills: int, seed: int) -> dict[str, float]:
    """So many kills, in rings of their own by the dozen; stops at the first that shows something."""
    chance = random.Random(seed)
    verdict = {"torn": 0, "hangs": 0, "ended": 0, "leftovers": 0}
    told_ns: list[int] = []
    # Once, for all that is forked: it loads pandas, where there is one, at the first list.
    importlib.import_module("pyarrow").array([b""])
    try:
        with leak_check():
            while len(told_ns) < kills and not any(verdict.values()):
                told_ns += kill_round(min(KILLS_PER_RING, kills - len(told_ns)), chance, verdict)
    except AssertionError as left:
        print(left, file=sys.stderr)
        verdict["leftovers"] += 1
    percentiles = quantiles(told_ns, n=1000, method="inclusive") if len(told_ns) > 1 else [math.nan] * 999
    places = {"told_p50_us": 499, "told_p99_us": 989, "told_p999_us": 998}
    told = {name: percentiles[place] / 1e3 for name, place in places.items()}
    return {"records": len(told_ns), **verdict, **told, "told_max_us": max(told_ns, default=0) / 1e3}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of lengths, victims and moments")
    options = parser.parse_args()
    print(f"seed {options.seed}", file=sys.stderr)
    started = time.perf_counter()
    found = kill_all(options.kills, options.seed)
    print(json.dumps({"seconds": time.perf_counter() - started, **found}))
    return 1 if any(found[name] for name in ("torn", "hangs", "ended", "leftovers")) else 0


if __name__ == "__main__":
    sys.exit(main())
