"""A small machine with the memory order of x86 (TSO), and a search through everything that can happen on it.

Each thread puts its stores into a queue of its own; they reach memory in order, some time later. A load sees its own
thread's queue first. A fence, a locked instruction and a system call wait until the queue is empty. Nothing else is
ordered. (After Owens, Sarkar, Sewell: "A better x86 memory model: x86-TSO", 2009.)

Threads are killed, if the model says so, before any of their instructions; what is in their queue still reaches memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Op(Enum):
    """``a`` and ``b`` of each instruction. A jump goes to ``target``; else the next instruction follows."""

    STORE = auto()  # memory[a] = b, by way of the queue
    FENCE = auto()
    JUMP_IF_ZERO = auto()  # load memory[a]; jump when it is 0
    EXCHANGE = auto()  # locked: old value of memory[a], which becomes b; jump when it was 0
    ADD = auto()  # locked: memory[a] += 1
    LOAD = auto()  # the register = memory[a]
    FUTEX_WAIT = auto()  # system call: sleep if memory[a] is b (None: the register)
    SLEEP = auto()  # blocked until woken
    FUTEX_WAKE = auto()  # system call: wake the sleeper
    EVENTFD_READ = auto()  # system call: blocked until memory[a] is not 0, then 0
    LOOK = auto()  # load memory[a]; when it is more than noted: note it and jump
    JUMP = auto()
    FINISH = auto()  # the end, if everything expected has been noted; else the next
    AWAIT_DEATH = auto()  # blocked until thread a is dead and its queue empty


@dataclass(frozen=True, slots=True)
class Instruction:
    op: Op
    a: int = 0
    b: int | None = 0
    target: int = 0

    @property
    def waits_for_queue(self) -> bool:
        return self.op in (Op.FENCE, Op.EXCHANGE, Op.ADD, Op.FUTEX_WAIT, Op.FUTEX_WAKE, Op.EVENTFD_READ)

    @property
    def is_unseen(self) -> bool:
        """No other thread can tell when it was executed, so only one order has to be tried."""
        return self.op in (Op.STORE, Op.JUMP, Op.FENCE)


Program = tuple[Instruction, ...]
Words = tuple[int, ...]


class Thread(NamedTuple):  # no dataclass: a million of them are compared and hashed
    pc: int = 0
    register: int = 0
    queue: tuple[tuple[int, int], ...] = ()


class State(NamedTuple):
    memory: Words
    threads: tuple[Thread, ...]
    noted: Words
    """The newest value of each word that the waiter has taken notice of."""


class Step(NamedTuple):
    thread: int
    what: str | Instruction


DEAD = -1


@dataclass(frozen=True, slots=True)
class Model:
    """``programs[0]`` is the waiter's.

    ``asleep``: the word that says whether it sleeps. ``mortal``: the threads that may be killed. ``expected``: the
    waiter ends when of each group one pair of word and value has been noted.
    """

    programs: tuple[Program, ...]
    words: int
    asleep: int
    mortal: frozenset[int]
    expected: tuple[tuple[tuple[int, int], ...], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """``stuck``: the steps to a state from which the waiter never goes on, or ``None`` if there is no such state."""

    states: int
    stuck: tuple[Step, ...] | None


def explore(model: Model) -> Outcome:
    """Visit every state that can be reached, the nearest first."""
    start = State((0,) * model.words, (Thread(),) * len(model.programs), (0,) * model.words)
    came_from: dict[State, tuple[State, Step] | None] = {start: None}
    frontier = [start]
    while frontier:
        following = []
        for state in frontier:
            is_stuck = True
            for step, then in _steps(model, state):
                is_stuck = False
                if then not in came_from:
                    came_from[then] = (state, step)
                    following.append(then)
            if is_stuck and state.threads[0].pc != len(model.programs[0]):
                return Outcome(len(came_from), _path(came_from, state))
        frontier = following
    return Outcome(len(came_from), None)


def _path(came_from: dict[State, tuple[State, Step] | None], state: State) -> tuple[Step, ...]:
    path: list[Step] = []
    while (before := came_from[state]) is not None:
        state, step = before
        path.append(step)
    return tuple(reversed(path))


def _steps(model: Model, state: State) -> Iterator[tuple[Step, State]]:
    """Everything that can happen next."""
    for index, thread in enumerate(state.threads):
        if thread.queue:
            (word, value), *rest = thread.queue
            drained = thread._replace(queue=tuple(rest))
            then = State(_put(state.memory, word, value), _put(state.threads, index, drained), state.noted)
            yield Step(index, "store reaches memory"), _run_unseen(model, then, index)
        instruction = _next_instruction(model, index, thread)
        if instruction is None:
            continue
        executed = _execute(model, state, index, instruction)
        if executed is not None:
            yield Step(index, instruction), _run_unseen(model, executed, index)
        if index in model.mortal:
            killed = Thread(DEAD, 0, thread.queue)
            yield Step(index, "killed"), State(state.memory, _put(state.threads, index, killed), state.noted)


def _next_instruction(model: Model, index: int, thread: Thread) -> Instruction | None:
    program = model.programs[index]
    if thread.pc == DEAD or thread.pc == len(program):
        return None
    instruction = program[thread.pc]
    return None if thread.queue and instruction.waits_for_queue and index not in model.mortal else instruction


def _run_unseen(model: Model, state: State, index: int) -> State:
    """Unless the thread may be killed in between."""
    if index in model.mortal:
        return state
    while (instruction := _next_instruction(model, index, state.threads[index])) is not None and instruction.is_unseen:
        then = _execute(model, state, index, instruction)
        assert then is not None
        state = then
    return state


def _put(items: tuple[T, ...], index: int, item: T) -> tuple[T, ...]:
    return (*items[:index], item, *items[index + 1 :])


def _load(memory: Words, thread: Thread, word: int) -> int:
    for stored, value in reversed(thread.queue):
        if stored == word:
            return value
    return memory[word]


def _execute(model: Model, state: State, index: int, instruction: Instruction) -> State | None:
    """The state after one instruction of one thread; ``None`` while it is blocked."""
    memory, threads, noted = state
    thread = threads[index]
    pc, register, queue = thread.pc + 1, thread.register, thread.queue
    a, b = instruction.a, instruction.b
    if queue and instruction.waits_for_queue:
        return None
    match instruction.op:
        case Op.LOOK:
            seen = _load(memory, thread, a)
            if seen > noted[a]:
                noted = _put(noted, a, seen)
                pc = instruction.target
        case Op.STORE:
            queue = (*queue, (a, b or 0))
        case Op.JUMP_IF_ZERO:
            pc = pc if _load(memory, thread, a) else instruction.target
        case Op.EXCHANGE:
            pc = pc if memory[a] else instruction.target
            memory = _put(memory, a, b or 0)
        case Op.ADD:
            memory = _put(memory, a, memory[a] + 1)
        case Op.LOAD:
            register = _load(memory, thread, a)
        case Op.FUTEX_WAIT:
            if memory[a] == (register if b is None else b):
                memory = _put(memory, model.asleep, 1)
        case Op.SLEEP:
            if memory[model.asleep]:
                return None
        case Op.FUTEX_WAKE:
            memory = _put(memory, model.asleep, 0)
        case Op.EVENTFD_READ:
            if not memory[a]:
                return None
            memory = _put(memory, a, 0)
        case Op.AWAIT_DEATH:
            if threads[a].pc != DEAD or threads[a].queue:
                return None
        case Op.JUMP:
            pc = instruction.target
        case Op.FINISH:
            if all(any(noted[word] == value for word, value in group) for group in model.expected):
                pc = len(model.programs[index])
        case Op.FENCE:
            pass
    return State(memory, _put(threads, index, Thread(pc, register, queue)), noted)
