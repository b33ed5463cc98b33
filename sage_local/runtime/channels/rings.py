"""All ring channels of one worker, by the layout of the segments."""

from collections.abc import Callable, Mapping
from time import monotonic_ns

from sage_local.config import BUFFER_TIMEOUT_MS, FRAME_ROWS
from sage_local.core.ids import ChannelId, WorkerId
from sage_local.plan.physical import Plan
from sage_local.runtime.channels.frame import Receiver, Sender
from sage_local.runtime.channels.local import LocalChannel
from sage_local.runtime.channels.ring import RingReceiver, RingSender
from sage_local.runtime.channels.waiting import Peers
from sage_local.runtime.memory import segment as memory
from sage_local.runtime.memory.layout import SegmentLayout
from sage_local.runtime.native import Segment


class Mappings:
    """The segments of this process: each mapped when the first channel needs it, and then for good."""

    def __init__(self, descriptors: Mapping[WorkerId, int], peers: Peers) -> None:
        self._descriptors = descriptors
        self._peers = peers
        self._segments: dict[WorkerId, Segment] = {}
        self._touchers: dict[WorkerId, Callable[[], None]] = {}

    def segment(self, owner: WorkerId) -> Segment:
        """The segment of ``owner``."""
        if owner not in self._segments:
            self._segments[owner] = memory.attach(self._descriptors[owner])
        return self._segments[owner]

    def toucher(self, owner: WorkerId) -> Callable[[], None]:
        """What lets ``owner`` know that there is something to look at."""
        if owner not in self._touchers:
            self._touchers[owner] = self._peers.toucher(memory.doorbell(self.segment(owner)))
        return self._touchers[owner]


class WorkerChannels:
    """Gives tasks their ends of channels: local ones between tasks of ``worker``, rings to and from the others.

    A ring lies in its consumer's segment.
    """

    def __init__(
        self,
        plan: Plan,
        worker: WorkerId,
        layouts: Mapping[WorkerId, SegmentLayout],
        mappings: Mappings,
    ) -> None:
        self._plan = plan
        self._worker = worker
        self._layouts = layouts
        self._mappings = mappings
        self._timeout_ms = plan.settings[BUFFER_TIMEOUT_MS]
        self._max_rows = plan.settings[FRAME_ROWS]
        self._local: dict[ChannelId, LocalChannel] = {}
        self.senders: list[RingSender] = []
        self.receivers: list[RingReceiver] = []

    def sender(self, channel: ChannelId) -> Sender:
        """See ``Channels``."""
        _, consumer = self._plan.ends(channel)
        if consumer == self._worker:
            return self._local_channel(channel)
        writer = memory.ring_writer(self._mappings.segment(consumer), self._layouts[consumer].rings[channel])
        sender = RingSender(
            writer,
            self._mappings.toucher(consumer),
            timeout_ms=self._timeout_ms,
            max_rows=self._max_rows,
            clock=monotonic_ns,
        )
        self.senders.append(sender)
        return sender

    def receiver(self, channel: ChannelId) -> Receiver:
        """See ``Channels``."""
        producer, consumer = self._plan.ends(channel)
        if producer == self._worker:
            return self._local_channel(channel)
        reader = memory.ring_reader(self._mappings.segment(consumer), self._layouts[consumer].rings[channel])
        receiver = RingReceiver(reader, self._mappings.toucher(producer), clock=monotonic_ns)
        self.receivers.append(receiver)
        return receiver

    def _local_channel(self, channel: ChannelId) -> LocalChannel:
        if channel not in self._local:
            self._local[channel] = LocalChannel(
                timeout_ms=self._timeout_ms, max_rows=self._max_rows, clock=monotonic_ns
            )
        return self._local[channel]
