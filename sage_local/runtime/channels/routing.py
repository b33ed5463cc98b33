"""Which receivers the rows of a batch go to."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sage_local.core.elements import Columns, Partials, Rows
from sage_local.runtime.channels.keying import Keying
from sage_local.runtime.codec.keys import partition
from sage_local.runtime.protocol.blame import NO_RECORD, blame
from sage_local.runtime.protocol.turns import SenderTurns

Copy = Callable[[Rows], Rows]


class Router(Protocol):
    """Decides for one sender of an edge."""

    sharers: int
    """How many receivers a batch is divided among."""

    def route(self, rows: Rows) -> list[tuple[int, Rows]]:
        """The receivers by index, each with its rows."""

    def answered(self) -> range:
        """The receivers that get a frame for this turn, however empty; the next turn begins."""


class Dealer:
    """Whole turns to one receiver after the other; with one receiver, all to it."""

    sharers = 1

    def __init__(self, turns: SenderTurns, receivers: int) -> None:
        self._turns = turns
        self._receivers = receivers

    def route(self, rows: Rows) -> list[tuple[int, Rows]]:
        """All to the receiver of this turn."""
        return [(self._turns.turn % self._receivers, rows)]

    def answered(self) -> range:
        """The receiver of this turn."""
        target = self._turns.turn % self._receivers
        self._turns.advance()
        return range(target, target + 1)


class RoundRobin:
    """Every batch to the next receiver, turns or not: an asked-for rebalance.

    Starts with ``first``, so that several senders do not march in step.
    """

    sharers = 1

    def __init__(self, first: int, receivers: int) -> None:
        self._next = first % receivers
        self._receivers = receivers

    def route(self, rows: Rows) -> list[tuple[int, Rows]]:
        """To the next one."""
        target = self._next
        self._next = (target + 1) % self._receivers
        return [(target, rows)]

    def answered(self) -> range:
        """Nobody waits for turns."""
        return range(0)


class Broadcaster:
    """Everything to everybody. ``copy`` makes the rows of every receiver but the first."""

    sharers = 1

    def __init__(self, receivers: int, copy: Copy) -> None:
        self._receivers = receivers
        self._copy = copy

    def route(self, rows: Rows) -> list[tuple[int, Rows]]:
        """A copy for each."""
        further = [(target, self._copy(rows)) for target in range(1, self._receivers)]
        return [(0, rows), *further]

    def answered(self) -> range:
        """All of them."""
        return range(self._receivers)


class HashPartitioner:
    """By the key group of each record's key.

    ``ships_keys``: the receiver needs the keys and could not name them for nothing. ``key_columns``: where the keys are
    in batches of columns.
    """

    def __init__(
        self,
        keying: Keying | None,
        *,
        operator: str,
        receivers: int,
        max_parallelism: int,
        ships_keys: bool,
        key_columns: Sequence[str] = (),
    ) -> None:
        self._keying = keying
        self._operator = operator
        self._receivers = self.sharers = receivers
        self._max_parallelism = max_parallelism
        self._ships_keys = ships_keys
        self._key_columns = key_columns

    def route(self, rows: Rows) -> list[tuple[int, Rows]]:
        """Those that get any rows."""
        if isinstance(rows, Columns):
            return self._route_columns(rows)
        if isinstance(rows, Partials) and self._receivers == 1:
            return [(0, rows)]
        keys = self._keys(rows)
        if self._receivers == 1:
            return [(0, Rows(rows.values, keys if self._ships_keys else None, rows.timestamps))]
        columns: list[list[Any]] = [rows.values]
        ships_keys = self._ships_keys or isinstance(rows, Partials)
        if ships_keys:
            columns.append(keys)
        if rows.timestamps is not None:
            columns.append(rows.timestamps)
        try:
            parts = partition(keys, tuple(columns), self._receivers, self._max_parallelism)
        except (TypeError, ValueError) as error:
            row = getattr(error, "row", None)
            if row is None:
                raise
            blame(self._operator, rows.values[row], error)
        return [(target, _rows(part, rows, ships_keys)) for target, part in enumerate(parts) if part[0]]

    def answered(self) -> range:
        """All of them."""
        return range(self._receivers)

    def _route_columns(self, columns: Columns) -> list[tuple[int, Rows]]:
        if self._receivers == 1:
            return [(0, columns)]
        from sage_local.runtime.codec.column_keys import partition_columns

        names = self._key_columns
        try:
            parts = partition_columns(columns.values, names, self._receivers, self._max_parallelism)
        except BaseException as error:
            blame(self._operator, NO_RECORD, error)
        return [(target, Columns(part)) for target, part in parts]

    def _keys(self, rows: Rows) -> list[Any]:
        if self._keying is not None and not isinstance(rows, Partials):
            return self._keying.select(rows)
        if rows.keys is None:
            raise ValueError(f"records for {self._operator!r} carry no keys and their edge has no key selector")
        return rows.keys


def _rows(part: tuple[list[Any], ...], of: Rows, has_keys: bool) -> Rows:
    values, *rest = part
    keys = rest.pop(0) if has_keys else None
    return type(of)(values, keys, rest[0] if of.timestamps is not None else None)
