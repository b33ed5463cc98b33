"""Which subtask of a harness a record goes to."""

from collections.abc import Iterator
from itertools import compress

from sage_local.config import MAX_PARALLELISM
from sage_local.core.elements import Rows
from sage_local.functions import Role
from sage_local.plan.physical import Delivery, Edge
from sage_local.runtime.channels.keying import Keying
from sage_local.runtime.codec.keys import key_groups
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.user_function import UserFunction, close_all
from sage_local.runtime.protocol.blame import NO_RECORD, OperatorFailed
from sage_local.runtime.state.snapshot import owned_key_groups
from sage_local.testing.harness_plan import HarnessPlan

Routed = Iterator[tuple[int, int, Rows]]
"""Subtask, index of the operator's input, records."""


class Router:
    """Delivers as the edges of the plan say: by key, to everybody, or to each in turn."""

    def __init__(self, planned: HarnessPlan, context: TaskContext) -> None:
        self._entries = planned.entries
        self._context = context
        self._operator = planned.chain.operators[planned.first_operator].name
        self._selectors: dict[Edge, UserFunction] = {}
        self._turn = 0
        for edges in planned.entries:
            for edge in edges:
                if edge.delivery is Delivery.HASH and edge.key_selector is not None:
                    self._selectors[edge] = UserFunction(self._operator, edge.key_selector, Role.KEY)

    def open(self) -> None:
        """Open the key selectors."""
        for selector in self._selectors.values():
            selector.open(self._context)

    def close(self) -> None:
        """Close them."""
        close_all(self._selectors.values())

    def routed(self, number: int, rows: Rows) -> Routed:
        """Where ``rows`` of input ``number`` go; to the one subtask there is, where the input is part of the task."""
        if not self._entries[number]:
            yield 0, 0, rows
        for edge in self._entries[number]:
            for subtask, part in self._delivered(edge, rows):
                yield subtask, edge.input_index, part

    def _delivered(self, edge: Edge, rows: Rows) -> Iterator[tuple[int, Rows]]:
        parallelism = self._context.parallelism
        if edge in self._selectors:
            yield from self._by_key(self._selectors[edge], rows)
        elif edge.delivery is Delivery.BROADCAST:
            yield from ((subtask, _part(rows, [True] * len(rows.values))) for subtask in range(parallelism))
        else:
            yield self._turn % parallelism, rows
            self._turn += 1

    def _by_key(self, selector: UserFunction, rows: Rows) -> Iterator[tuple[int, Rows]]:
        keys = Keying(self._operator, selector.call).select(rows)
        most = self._context.settings[MAX_PARALLELISM]
        try:
            groups = key_groups(keys, most)
        except (TypeError, ValueError) as error:
            raise OperatorFailed(self._operator, NO_RECORD, error) from error
        for subtask in range(self._context.parallelism):
            owned = owned_key_groups(subtask, self._context.parallelism, most)
            wanted = [group in owned for group in groups]
            if any(wanted):
                yield subtask, _part(rows, wanted)


def _part(rows: Rows, wanted: list[bool]) -> Rows:
    stamps = None if rows.timestamps is None else list(compress(rows.timestamps, wanted))
    return Rows(list(compress(rows.values, wanted)), None, stamps)
