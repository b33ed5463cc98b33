"""What every stream is made of: where its records come from and how they reach the next operator."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sage_local.api.program import Program
from sage_local.core.data import data
from sage_local.errors import PlanError
from sage_local.functions.output_tag import OnError, check_on_error
from sage_local.plan.graph import Exchange, Input, Node
from sage_local.plan.operators import Operator
from sage_local.plan.parallelism import gathers
from sage_local.plan.side_outputs import may_write

KeyFunction = Callable[[Any], Any]


@data
class Upstream:
    """The end of what is declared so far on one stream.

    ``key_selector`` is set on a keyed stream. ``partitioned`` is true once an operator has taken the records by key:
    from there on they stay in their subtask, and all operators have its ``parallelism``.
    """

    program: Program
    inputs: tuple[Input, ...]
    key_selector: KeyFunction | None = None
    partitioned: bool = False
    parallelism: int | None = None
    on_error: OnError = "fail"

    def on(self, on_error: OnError) -> "Upstream":
        """The same; the operator attached next has ``on_error``."""
        return replace(self, on_error=check_on_error(on_error))

    def attach(self, operator: Operator, parallelism: int | None) -> "Upstream":
        """Declare ``operator`` and return the stream behind it, with the partitioning of this one."""
        node = self.node(operator, parallelism)
        return Upstream(
            self.program,
            (Input(node.id),),
            self.key_selector,
            partitioned=self.key_selector is not None,
            parallelism=node.parallelism,
        )

    def node(self, operator: Operator, parallelism: int | None) -> Node:
        """Declare ``operator`` as reading from here."""
        return self.program.add(
            replace(operator, on_error=self.on_error), self.inputs, self.resolved_parallelism(operator, parallelism)
        )

    def exchange(self, exchange: Exchange, key_selector: KeyFunction | None = None) -> "Upstream":
        """The same records, reaching the next operator by ``exchange``; the last one asked for is the one used."""
        inputs = tuple(replace(source, exchange=exchange, key_selector=key_selector) for source in self.inputs)
        return Upstream(self.program, inputs, key_selector)

    def unkeyed(self) -> "Upstream":
        """The same records without their keys, and with no need to be brought together by them."""
        inputs = tuple(
            replace(source, exchange=Exchange.AUTO, key_selector=None) if source.exchange is Exchange.HASH else source
            for source in self.inputs
        )
        return Upstream(self.program, inputs)

    def side(self, tag: str) -> "Upstream":
        """The side output ``tag`` of the operator that this stream comes from."""
        if len(self.inputs) != 1 or self.inputs[0].tag is not None:
            raise PlanError(
                "side_output() is asked of what one operator returned; this stream is a union or a side output"
            )
        source = self.inputs[0]
        writer = self.program.operator(source.node)
        if not may_write(writer, tag):
            raise PlanError(
                f"operator {writer.name!r} has no side output {tag!r}: nothing writes to it; process functions yield"
                " (tag, record), other operators take on_error=tag, windows side_output_late_data(tag)"
            )
        return Upstream(self.program, (self.program.read_side(source.node, tag),))

    def resolved_parallelism(self, operator: Operator, asked: int | None) -> int | None:
        """What ``operator`` has when it is declared with ``asked``; raises where the keys do not allow it."""
        check_parallelism(asked)
        if not self.partitioned or asked == 1 or (asked is None and gathers(operator)):
            return asked
        if asked is not None and asked != self.parallelism:
            held = "the job's default parallelism" if self.parallelism is None else f"parallelism {self.parallelism}"
            raise PlanError(
                f"operator {operator.name!r} asks for parallelism {asked}, but the keys of its stream are partitioned"
                f" at {held}: give the first operator behind key_by() this parallelism, or call key_by() again"
            )
        return self.parallelism


def check_parallelism(asked: int | None) -> None:
    """Raise ``PlanError`` for anything but ``None`` and a positive whole number."""
    if asked is not None and (not isinstance(asked, int) or isinstance(asked, bool) or asked < 1):
        raise PlanError(f"parallelism: expected a whole number of at least 1, found {asked!r}")
