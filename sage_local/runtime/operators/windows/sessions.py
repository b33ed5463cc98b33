"""Session windows: per key the sessions that are open, and when to look at the key again.

Most records prolong the latest session of their key: one look-up, two comparisons. The queue of times is lazy: a
session that was prolonged stays where it was in the queue and is moved when its old time comes, so a session costs one
entry per gap and not one per record.
"""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush, nsmallest
from operator import itemgetter
from typing import Any

from sage_local.core.elements import MAX_TIMESTAMP, MIN_TIMESTAMP, Element, Rows
from sage_local.core.time_domain import TimeDomain
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.windows.fold import EMPTY, SessionFold
from sage_local.runtime.operators.windows.operator import WindowOperator
from sage_local.runtime.operators.windows.output import Ended
from sage_local.runtime.protocol.explanations import WaitingWindow
from sage_local.runtime.state.backend import KeyedBackend
from sage_local.runtime.state.folding import look_at_sessions
from sage_local.windowing.assigners import SessionWindows
from sage_local.windowing.duration import positive_ms
from sage_local.windowing.windows import TimeWindow

Session = list[Any]
"""Start, end, accumulator, the key's other open sessions or ``None``. The latest one is in the table."""
START, END, ACCUMULATOR, OTHERS = range(4)
_SLOTS = 16
"""Slots of the queue per gap: few keys are looked at before their time, and slots are worth their own cost."""


class SessionWindowsOperator(WindowOperator):
    """Sessions with their assigner's own trigger and no lateness."""

    def __init__(self, spec: specs.Window, counters: OperatorCounters) -> None:
        assigner = spec.assigner
        assert isinstance(assigner, SessionWindows)
        self._assigner = assigner
        super().__init__(spec, assigner.domain, counters)

    def _prepare(self, backend: KeyedBackend) -> None:
        self._table = backend.table("sessions")
        self._sessions = self._table.space()
        # A heap of numbers of slots of time, and the keys to be looked at in each: cheaper than a heap of keys.
        self._slot_ms = max(1, (self._assigner.gap_ms or _SLOTS) // _SLOTS)
        self._slots: list[int] = []
        self._keys_of: dict[int, list[Any]] = {}
        self._queued: dict[Any, int] = {}
        self._queue = (self._queued, self._keys_of, self._slot_ms, self._put)
        self._time = MIN_TIMESTAMP
        self._late_records: list[int] = []
        for key, session in self._sessions.items():
            self._wait(key, min(each[END] for each in _all(session)) - 1)

    def _fold(self) -> SessionFold:
        gap = str(self._assigner.gap_ms) if self._assigner.gap_of is None else "gap_of(x)"
        names = {"gap_of": self._gap_of, "place": self._place, "late": self._too_late}
        return SessionFold(self._spec.reduce, self._spec.aggregate, self._key_function(), gap, names)

    def _gap_of(self, record: Any) -> int:
        assert self._assigner.gap_of is not None
        return positive_ms(self._assigner.gap_of(record), "session gap of the record")

    def _add(self, rows: Rows) -> Iterable[Element]:
        times = self._times(rows)
        keys = self._keys(rows)
        known = len(self._sessions)
        fold = self._output.fold
        assert isinstance(fold, SessionFold)
        self._announce(self._table, keys)
        records = iter(rows.values)
        try:
            over_up_to = self._time if self._domain is TimeDomain.EVENT else MIN_TIMESTAMP
            fold.add_to_sessions(self._sessions, keys, records, times, over_up_to, self._queue)
        except BaseException as error:
            self._blame(rows, records, error)
        if rows.keys is None:
            self._check_new_keys(known, self._sessions, rows)
        return self._take_late(rows)

    def _take_late(self, rows: Rows) -> Iterable[Element]:
        if not self._late_records:
            return ()
        indices, self._late_records = self._late_records, []
        stamps = None if rows.timestamps is None else [rows.timestamps[i] for i in indices]
        return self._late(Rows([rows.values[i] for i in indices], None, stamps))

    def _too_late(self, records: Any) -> None:
        """Called by the loop for a record that is; the iterator knows which one."""
        self._late_records.append(-records.__length_hint__() - 1)

    def _place(self, key: Any, time: int, gap: int) -> Session | None:
        """The session that a record which does not fall into the latest one belongs to; ``None`` when it is too late.

        What the record joins becomes one session. A session without records yet has ``EMPTY`` for its accumulator.
        """
        latest = self._sessions.get(key)
        is_late = self._domain is TimeDomain.EVENT and time + gap - 1 <= self._time
        if latest is None or (time > latest[END] and latest[OTHERS] is None):
            # By far the commonest ways: the key's only session, or the next one while the last has not fired.
            if is_late:
                return None
            session = [time, time + gap, EMPTY, None if latest is None else [latest]]
            self._sessions[key] = session
            if latest is None:
                self._wait(key, time + gap - 1)
            return session
        return self._find_place(key, TimeWindow(time, time + gap), _all(latest), is_late=is_late)

    def _find_place(self, key: Any, own: TimeWindow, everything: list[Session], *, is_late: bool) -> Session | None:
        joined = [each for each in everything if own.touches(TimeWindow(each[START], each[END]))]
        joined.sort(key=_start)
        if not joined and is_late:
            return None
        session = self._joined(joined, own)
        others = [each for each in everything if not own.touches(TimeWindow(each[START], each[END]))]
        self._store(key, [*others, session])
        self._wait(key, session[END] - 1)
        return session

    def _joined(self, sessions: list[Session], own: TimeWindow) -> Session:
        if not sessions:
            return [own.start, own.end, EMPTY, None]
        whole: dict[Any, Any] = {None: sessions[0][ACCUMULATOR]}
        for each in sessions[1:]:
            self._output.fold.merge_into(whole, {None: each[ACCUMULATOR]})
        start = min(own.start, sessions[0][START])
        return [start, max(own.end, *(each[END] for each in sessions)), whole[None], None]

    def _store(self, key: Any, sessions: list[Session]) -> None:
        if not sessions:
            del self._sessions[key]
            return
        latest = max(sessions, key=lambda session: session[START])
        others = [session for session in sessions if session is not latest]
        for each in others:
            each[OTHERS] = None
        latest[OTHERS] = others or None
        self._sessions[key] = latest

    def _wait(self, key: Any, time: int) -> None:
        """Look at ``key`` at ``time`` or before."""
        queued = self._queued.get(key)
        if queued is None or time < queued:
            self._queued[key] = time
            self._put(key, time // self._slot_ms)

    def _next_deadline(self) -> int | None:
        """The end of the first session, or what it was before it was prolonged."""
        if self._domain is TimeDomain.EVENT or not self._slots:
            return None
        return min(self._queued[key] for key in self._keys_of[self._slots[0]] if key in self._queued) + 1

    def waiting(self, keys: tuple[Any, ...] | None, most: int) -> list[WaitingWindow]:
        """See ``WindowOperator``."""
        found = self._sessions if keys is None else [key for key in keys if key in self._sessions]
        sessions = (session for key in found for session in _all(self._sessions[key]))
        first = nsmallest(most, sessions, key=lambda session: session[END])
        return [self._waiting_window(TimeWindow(session[START], session[END]), 1) for session in first]

    def _advance(self, time: int) -> Iterator[Element]:
        self._time = time
        ended: list[Ended] = []
        if time == MAX_TIMESTAMP:
            self._end_all(ended)
        while self._slots and self._slots[0] * self._slot_ms <= time:
            slot = heappop(self._slots)
            if self._look(self._keys_of.pop(slot), slot, time, ended):
                break
        # By their ends, as if each had been waited for exactly.
        ended.sort(key=itemgetter(0))
        yield from self._output.of_sessions(ended)

    def _look(self, keys: list[Any], slot: int, time: int, ended: list[Ended]) -> bool:
        """End what is over of ``keys``; returns whether some of the slot is still to come."""
        self._announce(self._table, keys)
        over, unclear, to_come = look_at_sessions(self._sessions, keys, self._queue, slot, time)
        ended += over
        for key in unclear:
            queued = self._queued.get(key)
            # A key that was put into the slot twice may have been dealt with, or wait in another one now.
            if queued is None or queued // self._slot_ms != slot:
                continue
            if queued > time:
                to_come.append(key)
            else:
                del self._queued[key]
                self._end_some(key, time, ended)
        if to_come:
            # Sessions that were prolonged may have come into the slot meanwhile.
            known = self._keys_of.get(slot)
            if known is None:
                self._keys_of[slot] = to_come
                heappush(self._slots, slot)
            else:
                known += to_come
        return bool(to_come)

    def _put(self, key: Any, slot: int) -> None:
        keys = self._keys_of.get(slot)
        if keys is None:
            self._keys_of[slot] = [key]
            heappush(self._slots, slot)
        else:
            keys.append(key)

    def _end_some(self, key: Any, time: int, ended: list[Ended]) -> None:
        """End the sessions of ``key`` that are over, and wait for the others."""
        everything = _all(self._sessions[key])
        ended += [_ended(key, each) for each in everything if each[END] - 1 <= time]
        left = [each for each in everything if each[END] - 1 > time]
        self._store(key, left)
        if left:
            self._wait(key, min(each[END] for each in left) - 1)

    def _end_all(self, ended: list[Ended]) -> None:
        self._announce(self._table, list(self._sessions))
        for key, latest in self._sessions.items():
            ended += [_ended(key, each) for each in _all(latest)]
        for kept in (self._sessions, self._slots, self._keys_of, self._queued):
            kept.clear()


def _all(latest: Session) -> list[Session]:
    return [*(latest[OTHERS] or ()), latest]


def _start(session: Session) -> int:
    start: int = session[START]
    return start


def _ended(key: Any, session: Session) -> Ended:
    return session[END], key, session[ACCUMULATOR], session[START]
