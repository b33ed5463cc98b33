"""From a plan to the tasks of one worker (or of all, inline) with everything they are connected to."""

from collections.abc import Callable
from math import gcd
from time import monotonic_ns
from typing import Any, Protocol

from sage_local.config import (
    BUFFER_TIMEOUT_MS,
    FRAME_ROWS,
    MAX_PARALLELISM,
    OBJECT_REUSE,
    Checkpointing,
    checkpointing_of,
)
from sage_local.core.clock import Clock, SystemClock
from sage_local.core.data import data
from sage_local.core.ids import ChannelId, TaskId, WorkerId
from sage_local.functions import Role
from sage_local.functions.shared import SharedObjects
from sage_local.plan import operators as specs
from sage_local.plan.physical import Chain, Delivery, Edge, Plan, SideTag
from sage_local.plan.side_outputs import declared
from sage_local.runtime.channels.barriers import Barriers
from sage_local.runtime.channels.copying import copied, shared
from sage_local.runtime.channels.frame import Receiver, Sender
from sage_local.runtime.channels.gate import ArrivalGate, EventTime, Input, NumberedInput, TurnGate, UnionGate
from sage_local.runtime.channels.keying import Keying
from sage_local.runtime.channels.outbox import BufferedOutbox, Output, TurnOutbox
from sage_local.runtime.channels.routing import Broadcaster, Dealer, HashPartitioner, RoundRobin, Router
from sage_local.runtime.checkpoint.fit import INPUT
from sage_local.runtime.memory.layout import counted_operators
from sage_local.runtime.metrics.table import Cells, OperatorCounters, WorkerCounters
from sage_local.runtime.operators.factory import build
from sage_local.runtime.operators.protocol import Operator, TaskContext, unguarded
from sage_local.runtime.operators.push_source import PushInput
from sage_local.runtime.operators.source import SourceInput, SplitInput
from sage_local.runtime.operators.user_function import UserFunction
from sage_local.runtime.protocol.alignment import Alignment, Guarantee
from sage_local.runtime.protocol.pacing import Pacer
from sage_local.runtime.protocol.turns import ReceiverTurns, SenderTurns, dealt_to, every_turn
from sage_local.runtime.worker.explaining import Explaining
from sage_local.runtime.worker.outlets import Outlets, Warn
from sage_local.runtime.worker.task import Task
from sage_local.runtime.worker.task_checkpoints import TaskCheckpoints


class Channels(Protocol):
    """Where the two ends of a channel come from; each is asked for once, in the process that has it."""

    def sender(self, channel: ChannelId) -> Sender:
        """The sending end."""

    def receiver(self, channel: ChannelId) -> Receiver:
        """The receiving end."""


Checkpoints = Callable[[TaskId, list[tuple[str, Any]]], TaskCheckpoints]
"""Makes what a task has to do with checkpoints, from its parts that have state by their names."""


@data
class Surroundings:
    """What the tasks of one worker share.

    ``collect`` makes the output of a ``Collect`` operator; ``wake`` ends the sleep of the duty cycle from any thread;
    ``warn`` tells the user (see ``Warn``);
    ``shared_objects`` outlive the tasks.
    ``clock`` only goes on; ``wall`` is the machine's, of processing time.
    """

    channels: Channels
    cells: Cells
    collect: Callable[[str], Output]
    wake: Callable[[], object]
    shared_objects: SharedObjects
    warn: Warn
    clock: Callable[[], int] = monotonic_ns
    wall: Clock = SystemClock()
    checkpoints: Checkpoints | None = None


def tasks_of(plan: Plan, worker: WorkerId, around: Surroundings) -> list[Task]:
    """The tasks of ``worker``, senders before their receivers as far as there is such an order."""
    placed = sorted(task for task, place in plan.placement.items() if place == worker)
    return [_Wiring(plan, worker, task, around).task() for task in placed]


class _Wiring:
    """One task's."""

    def __init__(self, plan: Plan, worker: WorkerId, task: TaskId, around: Surroundings) -> None:
        self._plan = plan
        self._chain: Chain = plan.chains[task.chain]
        self._task = task
        self._around = around
        settings = plan.settings
        self._timeout_ms = settings[BUFFER_TIMEOUT_MS]
        self._pacer = Pacer(timeout_ms=self._timeout_ms, max_rows=settings[FRAME_ROWS])
        self._copy = shared if settings[OBJECT_REUSE] else copied
        self._selectors: list[UserFunction] = []
        self._inputs: list[tuple[str, int | None]] = []  # of event time: who sends them
        self._counters = [
            OperatorCounters(around.cells, place)
            for place, (counted, _) in enumerate(counted_operators(plan, worker))
            if counted == task
        ]

    def task(self) -> Task:
        """All of it together."""
        plan, chain = self._plan, self._chain
        outputs = self._outputs()
        with_counters = list(zip(chain.operators, self._counters, strict=True))
        first = chain.operators[0]
        source = self._source(first) if isinstance(first, specs.Source) else None
        time: EventTime | None = None
        upstream: Input | SourceInput
        if source is not None:
            upstream = source
        else:
            time, upstream = self._gate()
        operators = build(with_counters[source is not None :], plan.settings)
        context = TaskContext(
            plan.job_name,
            self._task,
            chain.parallelism,
            plan.settings,
            clock=self._around.wall,
            shared=self._around.shared_objects,
        )
        return Task(
            context,
            name=chain.operators[-1].name,
            upstream=upstream,
            operators=operators,
            outlets=self._outlets(outputs),
            selectors=self._selectors,
            counters=WorkerCounters(self._around.cells, self._around.clock),
            clock=self._around.clock,
            pacer=self._pacer,
            checkpoints=self._checkpoints(source, time, operators),
            explaining=Explaining(context, time, self._inputs, operators),
        )

    def _outlets(self, outputs: list[Output]) -> Outlets:
        operators = self._chain.operators
        # The program reads them in other runs, or was told at submit that it does not.
        unread = {SideTag(each.name, tag) for each in operators for tag in (*each.read_tags, *declared(each))}
        return Outlets(
            operators[-1].name, outputs, self._tags(), unread=unread, warn=self._around.warn, copy=self._copy
        )

    def _checkpoints(
        self, source: SourceInput | None, time: EventTime | None, operators: list[Operator]
    ) -> TaskCheckpoints | None:
        if self._around.checkpoints is None:
            return None
        first = self._chain.operators[0].name
        parts: list[tuple[str, Any]] = [(first, source) if source is not None else (INPUT + first, time)]
        for operator in operators:
            inner = unguarded(operator)
            # Compiled stages have no name of their own, and no state.
            if (name := getattr(inner, "name", None)) is not None:
                parts.append((name, inner))
        return self._around.checkpoints(self._task, parts)

    def _source(self, spec: specs.Source) -> SourceInput:
        around = self._around
        if spec.splits is None:
            return PushInput(spec, self._counters[0], self._pacer, around.wake)
        if getattr(spec.source, "columnar", False):
            from sage_local.runtime.operators.columns.source import ColumnInput

            return ColumnInput(spec, self._counters[0], self._pacer, around.clock)
        return SplitInput(spec, self._counters[0], self._pacer, around.clock)

    def _gate(self) -> tuple[EventTime, Input]:
        edges = [edge for edge in self._plan.edges if edge.target == self._chain.id]
        numbers: list[list[int | None]] = []
        time_inputs: list[int] = []  # of each channel
        for edge in edges:
            of_edge: list[int | None] = []
            for sender in self._senders(edge):
                says_the_same = edge.same_time and any(number is not None for number in of_edge)
                of_edge.append(None if sender is None else len(time_inputs))
                if sender is not None:
                    latest = time_inputs[-1] if time_inputs else -1
                    time_inputs.append(latest if says_the_same else latest + 1)
                    if not says_the_same:
                        self._inputs.append(self._input_name(edge, sender))
            numbers.append(of_edge)
        time = EventTime(time_inputs)
        barriers = Barriers(Alignment(sum(map(len, numbers)), self._guarantee(edges)))
        inputs = []
        first = 0
        for edge, of_edge in zip(edges, numbers, strict=True):
            inputs.append(self._edge_input(edge, time, of_edge, barriers, first))
            first += len(of_edge)
        return time, inputs[0] if len(inputs) == 1 else UnionGate(inputs)

    def _input_name(self, edge: Edge, sender: int) -> tuple[str, int | None]:
        source = self._plan.chains[edge.source]
        return source.operators[-1].name, sender if source.parallelism > 1 and not edge.same_time else None

    def _guarantee(self, edges: list[Edge]) -> Guarantee:
        # Where frames come in turns, all barriers come between the same two turns: to align costs nothing there.
        may_repeat = checkpointing_of(self._plan.settings) is Checkpointing.AT_LEAST_ONCE
        return (
            Guarantee.AT_LEAST_ONCE
            if may_repeat and not any(edge.in_turns for edge in edges)
            else Guarantee.EXACTLY_ONCE
        )

    def _senders(self, edge: Edge) -> list[int | None]:
        """The senders of ``edge`` to us, by channel; ``None`` for those whose turn is never dealt to us."""
        target = self._task.subtask
        senders = [channel.source for channel in self._plan.channels(edge) if channel.target == target]
        if not _deals_in_turn(self._plan, edge):
            return list(senders)
        cycle = gcd(self._plan.chains[edge.source].parallelism, self._chain.parallelism)
        return [sender if sender % cycle == target % cycle else None for sender in senders]

    def _edge_input(
        self, edge: Edge, time: EventTime, numbers: list[int | None], barriers: Barriers, first: int
    ) -> Input:
        channels = [
            self._around.channels.receiver(channel)
            for channel in self._plan.channels(edge)
            if channel.target == self._task.subtask
        ]
        gate: Input
        if edge.in_turns:
            gate = TurnGate(channels, self._turns(edge), time, numbers, barriers, first)
        else:
            gate = ArrivalGate(channels, time, numbers, barriers, first)
        return NumberedInput(gate, edge.input_index) if edge.input_index else gate

    def _turns(self, edge: Edge) -> ReceiverTurns:
        senders = self._plan.chains[edge.source].parallelism
        match edge.delivery:
            case Delivery.FORWARD:
                return every_turn(senders=1)
            case Delivery.DEAL:
                return dealt_to(self._task.subtask, senders=senders, receivers=self._chain.parallelism)
            case _:
                return every_turn(senders=senders)

    def _outputs(self) -> list[Output]:
        last = self._chain.operators[-1]
        collecting = [self._around.collect(last.name)] if isinstance(last, specs.Collect) else []
        return [*collecting, *(self._outbox(edge) for edge in self._plan.edges if edge.source == self._chain.id)]

    def _tags(self) -> list[SideTag | None]:
        """Which of the outputs carry side outputs."""
        collecting = [None] if isinstance(self._chain.operators[-1], specs.Collect) else []
        return [*collecting, *(edge.tag for edge in self._plan.edges if edge.source == self._chain.id)]

    def _outbox(self, edge: Edge) -> Output:
        channels = [
            self._around.channels.sender(channel)
            for channel in self._plan.channels(edge)
            if channel.source == self._task.subtask
        ]
        router = self._router(edge, len(channels))
        if edge.in_turns:
            return TurnOutbox(router, channels, waits_for_turn=_deals_in_turn(self._plan, edge))
        return BufferedOutbox(router, channels, timeout_ms=self._timeout_ms)

    def _router(self, edge: Edge, receivers: int) -> Router:
        subtask, senders = self._task.subtask, self._chain.parallelism
        match edge.delivery:
            case Delivery.FORWARD:
                return Dealer(SenderTurns(0, 1), 1)
            case Delivery.DEAL if edge.in_turns:
                return Dealer(SenderTurns(subtask, senders), receivers)
            case Delivery.DEAL:
                return RoundRobin(subtask, receivers)
            case Delivery.BROADCAST:
                return Broadcaster(receivers, self._copy)
            case Delivery.HASH:
                return self._partitioner(edge, receivers)

    def _partitioner(self, edge: Edge, receivers: int) -> HashPartitioner:
        first = self._plan.chains[edge.target].operators[0]
        keying = None if edge.key_selector is None else self._keying(first.name, edge.key_selector)
        needs_keys = first.assigns_keys or not isinstance(first, specs.Map | specs.Filter | specs.FlatMap | specs.Sink)
        return HashPartitioner(
            keying,
            operator=first.name,
            receivers=receivers,
            max_parallelism=self._plan.settings[MAX_PARALLELISM],
            ships_keys=keying is None or (needs_keys and not keying.is_identity),
            key_columns=getattr(edge.key_selector, "columns", ()),
        )

    def _keying(self, operator: str, selector: Any) -> Keying:
        function = UserFunction(operator, selector, Role.KEY)
        self._selectors.append(function)
        return Keying(operator, function.call)


def _deals_in_turn(plan: Plan, edge: Edge) -> bool:
    """Whether a receiver looks at each of its channels in that sender's turn only."""
    several = plan.chains[edge.source].parallelism > 1 and plan.chains[edge.target].parallelism > 1
    return edge.in_turns and edge.delivery is Delivery.DEAL and several
