"""Types of the C extension; ``native/`` holds it, ``sage_local.runtime.native`` is the one importer."""

from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from typing import Any, final

from typing_extensions import Buffer

CACHE_LINE: int
RING_HEADER_BYTES: int
ARENA_HEADER_BYTES: int
KIND_COLUMNS: int  # from here on, kinds of records are those of ColumnWriter
FLAG_CONTINUED: int
DOORBELL_BYTES: int

@final
class Segment:
    """A memfd mapped shared into this process."""

    @staticmethod
    def create(name: str, size: int, *, numa_node: int = -1) -> Segment:
        """New zeroed segment, whole in memory.

        memfd_create(CLOEXEC|ALLOW_SEALING), mbind (when numa_node >= 0), posix_fallocate, seal (GROW, SHRINK, SEAL),
        populate. OSError with errno on any failure (ENOSPC, ENOMEM, ...).
        """
    @staticmethod
    def attach(fd: int) -> Segment:
        """Map an existing segment (fd is duplicated); checks magic and version, ValueError when they differ."""
    fd: int
    size: int
    mbind_errno: int  # 0 when bound or not asked for
    def view(self, offset: int, length: int, /) -> memoryview:
        """Writable bytes of the segment; keeps the mapping alive."""
    def reset_ring(self, offset: int, capacity: int, /) -> None:
        """Empty the ring there for another pair of ends; those it had are stale: using them is a ValueError.

        To be called while nobody is at either end. ValueError when another ring is there.
        """

@final
class Doorbell:
    """One futex word. 0 awake, 1 parked, 2 parked on the eventfd (see data-plane rule 3)."""

    def __init__(self, segment: Segment, offset: int, eventfd: int = -1) -> None:
        """`eventfd`: for a notifier whose peer may wait on an eventfd (word == 2), and for the waiter itself."""
    def arm(self, word: int = 1, /) -> None:
        """Waiter: set the word, full fence. Look at everything again after this."""
    def disarm(self) -> None: ...
    def wait(self, timeout_s: float, /) -> bool:
        """Waiter: FUTEX_WAIT(word, 1) with the GIL released, word = 0 on return. True when rung, False on timeout.

        math.inf waits for ever. Returns True on EINTR too, after running Python signal handlers (PyErr_CheckSignals):
        look at everything again either way.
        """
    def notify(self) -> bool:
        """Notifier: full fence; if word and xchg(word, 0): FUTEX_WAKE / write eventfd. True when a wake was sent.

        RuntimeError when the peer waits on an eventfd and this doorbell was given none.
        """
    def wake(self) -> None:
        """Wake whatever the word says (futex, and eventfd if given): for the coordinator on any death."""

@final
class RingWriter:
    """Producer side of a single-producer single-consumer byte ring inside a segment."""

    def __init__(self, segment: Segment, offset: int, capacity: int, arena: int = 0) -> None:
        """The producer's end.

        `offset`: a multiple of CACHE_LINE. `capacity`: a power of two, at least 1024, of data bytes behind
        RING_HEADER_BYTES. `arena`: 0, or a power of two, at least 4096, of data bytes behind ARENA_HEADER_BYTES, right
        behind the ring. Initialises the headers if they are zero, ValueError when they are another ring's.
        """
    def try_write(self, kind: int, flags: int, payload: Buffer, start: int = 0, stop: int = -1, /) -> bool:
        """Copy payload[start:stop] in as one record and publish it; False when there is no room now.

        ValueError when it could never fit (> max_record). `kind` < 2**32 - 1, `flags` < 2**32.
        """
    max_record: int  # largest payload of one record, an eighth of the capacity
    written: int  # records ever written
    def await_release(self, awaits: bool, /) -> bool:
        """Whether we wait for a release: the reader's `release` returns it, and wait sets look for it.

        Counted from when `released` was read, or a write found no room. To be said before the doorbell is armed; True
        when we begin to wait, so that whoever said it behind that looks again.
        """
    released: int  # records ever released by the reader
    released_ns: int  # when the last of them was, as the reader said
    in_flight: int  # records written and not yet released by the reader
    in_flight_bytes: int  # in whole cache lines, headers and skipped ends included

@final
class RingReader:
    def __init__(self, segment: Segment, offset: int, capacity: int, arena: int = 0) -> None: ...
    def peek(self) -> tuple[int, int, memoryview] | None:
        """(kind, flags, payload) of the next record, zero-copy and read-only, valid until release(); None when empty.

        The same record until it is released. ValueError when what lies there can not be a record.
        """
    def release(self, now_ns: int = 0, /) -> bool:
        """Give the record returned by peek back to the writer; True when it waits for that: ring its doorbell.

        BufferError while a view of the record is exported.
        """
    ready: bool

@final
class ColumnWriter:
    """Writes record batches to a ring or, where they are worth it and fit, into the arena beside it."""

    def __init__(self, ring: RingWriter) -> None: ...
    def learn(self, schema: object, told: bytes, /) -> None:
        """The schema (an "arrow_schema" capsule) from the next batch on, which tells the reader `told` of it.

        TypeError where a type is not known here.
        """
    array: int
    """Address of a struct ArrowArray to export the next batch to; RuntimeError while one is being written."""
    def write(self, flags: int, /) -> bool:
        """Write the exported batch, or on from where it stopped; False when it waits for room.

        The last record carries `flags`, those before FLAG_CONTINUED. After True, or an exception, the batch is let go.
        """

@final
class ColumnReader:
    """Reads what a ColumnWriter wrote."""

    def __init__(self, ring: RingReader) -> None: ...
    def take(self) -> bool:
        """Take in the record that the ring's peek returned, which may be released then; True when a batch is whole.

        ValueError when what lies there can not be a batch.
        """
    schema: bytes | None
    """What the whole batch tells of its schema; then `learn` before `array`."""
    def learn(self, schema: object, /) -> None: ...
    def array(self) -> int:
        """Address of a struct ArrowArray to import the whole batch from, once.

        What is imported may lie in the arena: its release callback gives the place back, from any thread, and the
        mapping stays until then. In a process forked meanwhile it gives nothing back.
        """

@final
class WaitSet:
    """Rings looked at together, in C, with the GIL released for long looks."""

    def __init__(self, readers: Sequence[RingReader], writers: Sequence[RingWriter]) -> None: ...
    def ready(self) -> bool:
        """Any reader has a record, or a writer that awaits a release has had one."""
    def spin(self, budget_us: float, /) -> bool:
        """Pause ~1 us, then sched_yield, until ready() or the budget is spent; GIL released."""

@final
class Cursor:
    """The key at hand, shared by the state cells of an operator; `no_key` until somebody sets it."""

    key: Any
    def __init__(self, no_key: object) -> None: ...

class StateCell:
    """The value of the key under `cursor` in `values`: a mutable mapping, a dict at best.

    A subclass has `_announce(key)`, called before the value of a key that is not in `said` is set or, if it could be
    changed in place, found; and `_refuse()`, which raises: there is no key at hand. `said` is None where changes are
    not tracked. `fallback` stands for no value.
    """

    _values: MutableMapping[Any, Any]
    _cursor: Cursor
    def __init__(
        self, values: MutableMapping[Any, Any], cursor: Cursor, said: set[Any] | None, fallback: object
    ) -> None: ...
    def _find(self) -> Any:
        """The value, or the fallback."""
    def _set(self, value: object, /) -> None: ...

def is_immutable(value: object, /) -> bool:
    """Whether it is a number, str, bytes, None or a tuple of such, all of exactly these types; False may be wrong."""

def apart(value: Any, /) -> Any:
    """`value` as it is now, whatever becomes of the lists, dicts, sets and tuples in it: they are copied at any depth.

    Named tuples too; subclasses of the others, deques and bytearrays by `copy.copy`. All else is the same object.
    """

@final
class Accumulator:
    """One to 16 values, ints within int64 and floats without an object of their own; type and value survive.

    It is not hashable, and not looked at by the garbage collector.
    """

    def __init__(self, values: Iterable[Any]) -> None: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...
    def __setitem__(self, index: int, value: object, /) -> None: ...

class PaneStacks:
    """What sliding windows hold together, from panes of Accumulators of numbers: see `windows/stacks.py`.

    Panes are counted from the first of the last turn. Its length is the number of keys since `forget`. With the first
    value that is neither an int within int64 nor a float it holds nothing that can be used: `forget` it.
    """

    def __init__(
        self, steps: list[tuple[int, int, Any]], names: tuple[str, ...], per_slide: int, with_key: bool
    ) -> None: ...
    def __len__(self) -> int: ...
    def add(self, pane: dict[Any, Any], /) -> bool:
        """Add the pane behind the last one; false when a value is no such number."""

    def turn(self, panes: int, /) -> int | None:
        """Have the last panes, so many, for the front; those of the turn before are gone.

        Returns how many keys they have, or None when a sum is no such number.
        """

    def results(self, pane: int, place: int, most: int, /) -> tuple[int, list[Any]]:
        """At most so many results, as of the function `results`, of the window from `pane` to the last one.

        Those of the keys from `place` on; also returns the place behind them. The panes of windows are multiples of
        `per_slide` and less than the turn has had.
        """

    def forget(self) -> None: ...

def pack_rows(columns: tuple[list[Any] | None, ...], pickle: Callable[[list[Any]], bytes], /) -> bytes:
    """Equal-length columns of Python values to one self-describing block; a column may be absent (None).

    Each column is encoded as typed columns where all its values have one exact type (int within int64, float, bool,
    None, str, bytes; tuple and Accumulator of one arity and dict with one exact sequence of str keys: recursively),
    some of them None if need be; any other column (or nested column) by `pickle`. Type and value of every element
    survive. A column with the very objects of an earlier one is written once, and shares them again when unpacked.
    """

def unpack_rows(block: Buffer, unpickle: Callable[[memoryview], list[Any]], /) -> tuple[list[Any] | None, ...]:
    """The columns packed by pack_rows. ValueError (never a crash) on a malformed block."""

def hash64(data: Buffer, /) -> int:
    """The hash behind key groups: XXH64 with seed 0, the same in every process, run and version."""

def key_bytes(key: Any, other: Callable[[Any], bytes], /) -> bytes:
    """Canonical bytes of a key: equal keys, equal bytes.

    Exact int/str/bytes/bool/float/None and tuples of keys in C; `other` returns the whole canonical bytes of every
    other type, which are taken as they are. ValueError for NaN.
    """

def key_groups(keys: list[Any], max_parallelism: int, other: Callable[[Any], bytes], /) -> list[int]:
    """Key group of each key: hash64(key_bytes) % max_parallelism (1 .. 32768). Exceptions as for partition."""

def partition(
    keys: list[Any],
    columns: tuple[list[Any], ...],
    targets: int,
    max_parallelism: int,
    other: Callable[[Any], bytes],
    /,
) -> list[tuple[list[Any], ...]]:
    """Split equal-length columns by the target of each key: target = key_group * targets // max_parallelism.

    One tuple of lists per target (keys are only in the result when also among `columns`). Row order kept. An exception
    raised for a key carries attribute `row`: the index of the key at fault.
    """

def select(records: Iterator[Any], selection: tuple[int, Any], /) -> list[Any]:
    """A value of each record; `selection` is (how, what).

    The record itself (0), its item `what` (1), the item of a dict and else the attribute of that name (2), the
    attribute (3). When something raises, the iterator stands behind the record at fault.
    """

def bounds(values: list[Any], /) -> tuple[int, int] | None:
    """The least and the greatest; None for an empty list, and where not all are exact ints within int64."""

def fold(
    space: dict[Any, Any],
    keys: list[Any] | None,
    records: Iterator[Any],
    key: tuple[int, Any],
    steps: list[tuple[int, int, Any]] | tuple[tuple[int, int, Any]],
    /,
) -> None:
    """Fold records into accumulators by key; the keys are `keys`, or selected by `key`.

    A step is (operation, how, what): sum, min, max, count (0 .. 3) of what (how, what) selects. Of a list of steps an
    Accumulator has a value for each step, of a tuple of one step accumulators are the values. When something
    raises, the iterator stands behind the record at fault. Up to 16 steps.
    """

def fold_sessions(
    sessions: dict[Any, list[Any]],
    keys: list[Any],
    records: Iterator[Any],
    times: list[int],
    gap: int,
    over_up_to: int,
    queue: tuple[dict[Any, int], dict[int, list[Any]], int, Callable[[Any, int], object]],
    steps: list[tuple[int, int, Any]] | tuple[tuple[int, int, Any]],
    other: Callable[[Any, Any, int], object],
    /,
) -> None:
    """Fold records into sessions, lists of start, end, accumulator and others; steps and errors as for fold.

    Where a key has none, one begins, unless its last millisecond is `over_up_to` or before. `queue` is (time by key,
    keys by slot, milliseconds of a slot, what puts a key into a slot that is not there). A record that does not fall
    into its key's session, or into none that begins, is handed to `other(key, record, time)`.
    """

def look_at_sessions(
    sessions: MutableMapping[Any, list[Any]],
    keys: list[Any],
    queue: tuple[dict[Any, int], dict[int, list[Any]], int, Callable[[Any, int], object]],
    slot: int,
    time: int,
    /,
) -> tuple[list[tuple[int, Any, Any, int]], list[Any], list[Any]]:
    """Take out the sessions of `keys`, those of `slot`, that are over at `time`; put back into the queue the others.

    Returns (end, key, accumulator, start) of each, the keys that have several sessions or a time beyond int64, which
    are left as they are, and the keys whose time has not come.
    """

def merge(
    target: dict[Any, Any],
    source: dict[Any, Any],
    before: bool,
    steps: list[tuple[int, int, Any]] | tuple[tuple[int, int, Any]],
    /,
) -> None:
    """Merge the accumulators of `source` into `target` by key, behind or `before` those that are there.

    Where there are none, `target` shares that of `source`. An Accumulator in `target` that nobody else refers to is
    changed in place; any other accumulator is replaced.
    """

def results(
    keys: tuple[Any, ...], accumulators: tuple[Accumulator, ...], names: tuple[str, ...], with_key: bool, /
) -> list[Any]:
    """A dict of the values of each accumulator by name, or pairs of its key and that."""

def reduce(
    state: dict[Any, Any],
    keys: list[Any],
    records: Iterator[Any],
    function: Callable[[Any, Any], Any],
    updates: list[Any] | None,
    copies: bool,
    /,
) -> None:
    """Replace each key's value by `function(value, record)`, the first being the record; append each to `updates`.

    With `copies` it is `apart(value)` there: `function` may change it with the next record.
    When something raises, the iterator stands behind the record at fault.
    """
