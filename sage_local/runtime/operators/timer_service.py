"""The users' timers over the engine's queues."""

from collections.abc import Iterator

from sage_local.core.clock import Clock
from sage_local.core.elements import MAX_TIMESTAMP, MIN_TIMESTAMP
from sage_local.core.time_domain import TimeDomain
from sage_local.errors import StateError
from sage_local.runtime.state.cursor import NO_KEY, Cursor
from sage_local.runtime.state.timers import Timer, Timers


class OperatorTimers:
    """Both queues of one operator; ``functions.timers.TimerService`` for its function.

    ``event`` and ``processing`` are ``None`` where there are no timers, on a stream without keys or for a function
    without ``on_timer``: then the service only tells the times.
    """

    def __init__(
        self, operator: str, cursor: Cursor, clock: Clock, event: Timers | None, processing: Timers | None
    ) -> None:
        self.watermark = MIN_TIMESTAMP
        self._operator = operator
        self._cursor = cursor
        self._clock = clock
        self._event = event
        self._processing = processing
        self._firing: tuple[TimeDomain, int] | None = None

    @property
    def current_processing_time(self) -> int:
        """The clock's time."""
        return self._clock.now_ms()

    @property
    def current_watermark(self) -> int:
        """The operator's watermark."""
        return self.watermark

    def register_event_time_timer(self, timestamp: int, /) -> None:
        """See ``TimerService``."""
        self._queue(self._event).register(self._valid(timestamp, TimeDomain.EVENT), self._cursor.key)

    def register_processing_time_timer(self, timestamp: int, /) -> None:
        """See ``TimerService``."""
        self._queue(self._processing).register(self._valid(timestamp, TimeDomain.PROCESSING), self._cursor.key)

    def delete_event_time_timer(self, timestamp: int, /) -> None:
        """See ``TimerService``."""
        self._queue(self._event).delete(timestamp, self._cursor.key)

    def delete_processing_time_timer(self, timestamp: int, /) -> None:
        """See ``TimerService``."""
        self._queue(self._processing).delete(timestamp, self._cursor.key)

    def next_processing_ms(self) -> int | None:
        """When the next processing-time timer is due."""
        return None if self._processing is None else self._processing.next_timestamp()

    def due(self, domain: TimeDomain, upto: int) -> Iterator[Timer]:
        """The timers due, one by one; while each is dealt with the cursor stands on its key."""
        queue = self._queue_of(domain)
        return iter(()) if queue is None else self._turned_to(queue.pop_due(upto), domain)

    def due_at_end(self, domain: TimeDomain) -> Iterator[Timer]:
        """As ``due``, where time has ended: see ``Timers.pop_at_end``."""
        queue = self._queue_of(domain)
        return iter(()) if queue is None else self._turned_to(queue.pop_at_end(), domain)

    def _queue_of(self, domain: TimeDomain) -> Timers | None:
        return self._event if domain is TimeDomain.EVENT else self._processing

    def _turned_to(self, timers: Iterator[Timer], domain: TimeDomain) -> Iterator[Timer]:
        try:
            for timer in timers:
                self._firing = (domain, timer.timestamp)
                self._cursor.key = timer.key
                yield timer
        finally:
            self._firing = None
            self._cursor.key = NO_KEY

    def drop_all(self) -> int:
        """Forget every timer: the input has ended. Returns how many there were."""
        queues = [queue for queue in (self._event, self._processing) if queue is not None]
        dropped = sum(map(len, queues))
        for queue in queues:
            queue.clear()
        return dropped

    def _queue(self, queue: Timers | None) -> Timers:
        if queue is None:
            raise StateError(
                f"operator {self._operator!r} can have no timers: they belong to a key and call on_timer(), so they"
                " need a keyed stream, stream.key_by(...), and a function class with on_timer(), a KeyedProcessFunction"
            )
        if self._cursor.key is NO_KEY:
            raise StateError(
                f"a timer of operator {self._operator!r} was used where there is no key: timers can be registered and"
                " deleted only while a record or a timer is being processed"
            )
        return queue

    def _valid(self, timestamp: int, domain: TimeDomain) -> int:
        if type(timestamp) is not int:
            raise StateError(
                f"a timer of operator {self._operator!r} needs a timestamp of int ms since the epoch, found"
                f" {timestamp!r} of type {type(timestamp).__name__}"
            )
        if not MIN_TIMESTAMP < timestamp <= MAX_TIMESTAMP:
            raise StateError(f"a timer of operator {self._operator!r} needs a timestamp of 64 bits, found {timestamp}")
        if self._firing is not None and self._firing[0] is domain and timestamp <= self._firing[1]:
            raise StateError(
                f"on_timer() of operator {self._operator!r}, called for {self._firing[1]}, registered a timer for"
                f" {timestamp}: it would fire at once, and so without end"
            )
        return timestamp
