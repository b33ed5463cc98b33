"""The doorbell (``native/doorbell.c``) as programs for the machine, whole and with one thing or another left out.

Thread 0 is the waiter, then come the notifiers, each of which publishes its messages by raising its tail; then, where
notifiers die, one watcher for each, which says so and wakes.

Where they have to be awaited, the notifiers are readers of rings (``native/ring.h``): what they publish is their head,
and they ring only if the waiter said that it waits for that.
"""

from dataclasses import dataclass
from enum import Enum

from tests.native.model.machine import Instruction, Model, Op, Program

WORD, ASLEEP, EVENTFD, EPOCH, FIRST_TAIL = range(5)


class Parking(Enum):
    FUTEX = 1
    EVENTFD = 2


@dataclass(frozen=True, slots=True)
class Variant:
    """The protocol as built, but for what is said here."""

    notifier_fences: bool = True
    waiter_fences: bool = True
    wakes_unconditionally: bool = True
    reader_fences: bool = True
    """Between a release and the look at whether it is awaited."""
    awaits_before_arming: bool = True
    epoch: bool = False
    """The first prototype: a flag says who is parked, a counter is what the futex waits on; the notifier bumps the
    counter and then clears the flag."""


@dataclass(frozen=True, slots=True)
class Scene:
    """``messages[i]``: how many notifier i publishes."""

    messages: tuple[int, ...]
    parking: Parking = Parking.FUTEX
    deaths: bool = False
    awaited: bool = False
    """Notifiers ring only while they are awaited."""

    def tail(self, notifier: int) -> int:
        return FIRST_TAIL + notifier

    def dead(self, notifier: int) -> int:
        return FIRST_TAIL + len(self.messages) + notifier

    def awaits(self, notifier: int) -> int:
        return FIRST_TAIL + 2 * len(self.messages) + notifier

    @property
    def looked_at(self) -> list[int]:
        """The words of which a rise is news. Death before tail: what was published before it is found after it."""
        notifiers = range(len(self.messages))
        deaths = [self.dead(each) for each in notifiers] if self.deaths else []
        return deaths + [self.tail(each) for each in notifiers]

    @property
    def awaiting(self) -> list[int]:
        return [self.awaits(each) for each in range(len(self.messages))] if self.awaited else []


def build(scene: Scene, variant: Variant) -> Model:
    notifiers = range(len(scene.messages))
    programs = [waiter(scene, variant)]
    programs += [notifier(scene, variant, each) for each in notifiers]
    if scene.deaths:
        programs += [watcher(scene, variant, each) for each in notifiers]
    return Model(
        programs=tuple(programs),
        words=FIRST_TAIL + 3 * len(scene.messages),
        asleep=ASLEEP,
        mortal=frozenset(1 + each for each in notifiers) if scene.deaths else frozenset(),
        expected=tuple(((scene.tail(each), scene.messages[each]), (scene.dead(each), 1)) for each in notifiers),
    )


def waiter(scene: Scene, variant: Variant) -> Program:
    """Look at everything; finish, or park and look again."""
    looks = scene.looked_at
    program = [Instruction(Op.LOOK, word, target=0) for word in looks]
    program.append(Instruction(Op.FINISH))
    if variant.epoch:
        program.append(Instruction(Op.LOAD, EPOCH))
    arming = [Instruction(Op.STORE, WORD, scene.parking.value)]
    if variant.waiter_fences:
        arming.append(Instruction(Op.FENCE))
    awaiting = [Instruction(Op.STORE, word, 1) for word in scene.awaiting]
    program += awaiting + arming if variant.awaits_before_arming else arming + awaiting
    parked = [Instruction(Op.SLEEP)]
    if scene.parking is Parking.EVENTFD:
        parked = [Instruction(Op.EVENTFD_READ, EVENTFD)]
    elif variant.epoch:
        parked.insert(0, Instruction(Op.FUTEX_WAIT, EPOCH, None))
    else:
        parked.insert(0, Instruction(Op.FUTEX_WAIT, WORD, 1))
    awake = len(program) + len(looks) + len(parked)
    program += [Instruction(Op.LOOK, word, target=awake) for word in looks]
    program += parked
    program += [Instruction(Op.STORE, WORD, 0)]
    program += [Instruction(Op.STORE, word, 0) for word in scene.awaiting]
    program += [Instruction(Op.JUMP, target=0)]
    return tuple(program)


def notifier(scene: Scene, variant: Variant, number: int) -> Program:
    program: list[Instruction] = []
    for message in range(1, scene.messages[number] + 1):
        program.append(Instruction(Op.STORE, scene.tail(number), message))
        if scene.awaited:
            program += [Instruction(Op.FENCE)] if variant.reader_fences else []
            ring = notify(scene, variant, start=len(program) + 1)
            program.append(Instruction(Op.JUMP_IF_ZERO, scene.awaits(number), target=len(program) + 1 + len(ring)))
            program += ring
        else:
            program += notify(scene, variant, start=len(program))
    return tuple(program)


def notify(scene: Scene, variant: Variant, start: int) -> list[Instruction]:
    program = [Instruction(Op.FENCE)] if variant.notifier_fences else []
    if variant.epoch:
        end = start + len(program) + 4
        return [
            *program,
            Instruction(Op.JUMP_IF_ZERO, WORD, target=end),
            Instruction(Op.ADD, EPOCH),
            Instruction(Op.STORE, WORD, 0),
            Instruction(Op.FUTEX_WAKE),
        ]
    end = start + len(program) + 3
    return [
        *program,
        Instruction(Op.JUMP_IF_ZERO, WORD, target=end),
        Instruction(Op.EXCHANGE, WORD, 0, target=end),
        wake(scene),
    ]


def wake(scene: Scene) -> Instruction:
    return Instruction(Op.FUTEX_WAKE) if scene.parking is Parking.FUTEX else Instruction(Op.ADD, EVENTFD)


def watcher(scene: Scene, variant: Variant, number: int) -> Program:
    """The coordinator on a death."""
    program = [Instruction(Op.AWAIT_DEATH, 1 + number), Instruction(Op.STORE, scene.dead(number), 1)]
    if not variant.wakes_unconditionally:
        return (*program, *notify(scene, variant, start=len(program)))
    wakes_anyway = len(program) + 2
    return (
        *program,
        Instruction(Op.FENCE),
        Instruction(Op.EXCHANGE, WORD, 0, target=wakes_anyway),
        wake(scene),
    )
