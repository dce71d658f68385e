"""What waits for Kafka: a queue for each partition, bounded in bytes, cut into batches. Called by `publisher` alone.

Pure decisions: time comes in as `now_s` (any monotonic clock), nothing is sent from here. The order of a partition is the
order of `add`; of one partition at most one batch is out at a time, so that nothing overtakes. A lane with something to send is
ready, or parked behind an obstacle until that is out of the way, or busy with the batch before.
"""

from asyncio import Future
from collections import deque
from collections.abc import Callable, Sequence

from tidegate.errors import Code
from tidegate_gateway.adapters.kafka.standing import Standing
from tidegate_gateway.intake.ports import NotStored, Record, Unknown

__all__ = ["Accumulator", "Lane", "Obstacle", "Piece", "PieceOutcome", "Place"]

Place = tuple[str, int]
"""A topic and the number of a partition."""

Obstacle = int | str
"""Why a lane cannot send now: the number of the broker that is busy with another request, or a phrase."""

PieceOutcome = int | NotStored | Unknown
"""Of one piece: the offset of its first record (-1: stored, Kafka no longer knows where), or why not."""

_AFTER_FAILURE = NotStored(Code.AFTER_FAILURE, "an earlier event for the same partition was not stored")
_RECORD_BYTES = 400
_PIECE_BYTES = 1_800
"""What a record and a piece take beside their bytes, for the objects that hold them and the task that waits (measured on CPython 3.11, rounded
up; tests/bench/publisher_memory.py): small events are mostly this."""

_COPIES = 2
"""How often a batch that is out is there once more: as aiokafka made it, and in the socket's buffer while its broker does not read."""


class Lane:
    """The queue of one partition. `busy`: a batch of it is out. `obstacle`: what it is parked behind."""

    __slots__ = ("busy", "held_bytes", "obstacle", "partition", "place", "queue", "standing", "topic")

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.place: Place = (topic, partition)
        self.queue: deque[Piece] = deque()
        self.busy = False
        self.obstacle: Obstacle | None = None
        self.held_bytes = 0
        self.standing = Standing()


class Piece:
    """Records of one submission for one partition, at most a batch's worth. `before`: its predecessor in the submission.

    `size_bytes`: as Kafka counts, for batches; `held_bytes`: what it takes here.
    """

    __slots__ = (
        "before", "deadline_s", "failed", "future", "held_bytes", "lane", "queued_s", "records", "size_bytes",
    )  # fmt: skip

    def __init__(
        self,
        lane: Lane,
        records: Sequence[Record],
        size_bytes: int,
        deadline_s: float,
        future: Future[PieceOutcome],
        before: "Piece | None" = None,
    ) -> None:
        self.lane = lane
        self.records = records
        self.size_bytes = size_bytes
        self.held_bytes = Accumulator.held(len(records), size_bytes)
        self.deadline_s = deadline_s
        self.future = future
        self.before = before
        self.failed = False
        self.queued_s = 0.0

    def resolve(self, outcome: PieceOutcome) -> None:
        """Tell who waits; the first outcome counts, later ones are too late to be told."""
        if not isinstance(outcome, int):
            self.failed = True
        if not self.future.done():
            self.future.set_result(outcome)

    def follows_failure(self) -> bool:
        """Whether the piece before it in its submission was not stored, or nobody knows."""
        return self.before is not None and self.before.failed


class Accumulator:
    """All lanes and their bytes: what waits, and what is out with its copies.

    `waiting`: pieces in queues. `ready_pieces`: those of them whose lane could send now, and `oldest_s` since when the oldest
    of these waits.
    """

    def __init__(self, max_bytes: int) -> None:
        self.held_bytes = 0
        self.waiting = 0
        self.ready_pieces = 0
        self.oldest_s = 0.0
        self._max_bytes = max_bytes
        self._lanes: dict[Place, Lane] = {}
        self._queued: dict[Lane, None] = {}
        self._ready: dict[Lane, None] = {}
        self._parked: dict[Obstacle, dict[Lane, None]] = {}

    @staticmethod
    def held(records: int, size_bytes: int) -> int:
        """What a piece of so many records and bytes takes in this process."""
        return size_bytes + records * _RECORD_BYTES + _PIECE_BYTES

    def has_room(self, held_bytes: int) -> bool:
        """Whether so many more bytes may be held. An empty accumulator takes any submission."""
        return self.held_bytes == 0 or self.held_bytes + held_bytes <= self._max_bytes

    def has_share(self, lane: Lane, held_bytes: int) -> bool:
        """Whether a lane may hold so many more: no partition keeps more than half of the room from the others."""
        return lane.held_bytes == 0 or lane.held_bytes + held_bytes <= self._max_bytes // 2

    def lane(self, topic: str, partition: int) -> Lane:
        """The lane of a partition; made where there was none."""
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = self._lanes[topic, partition] = Lane(topic, partition)
        return lane

    def add(self, piece: Piece, now_s: float) -> None:
        """Queue a piece behind what its partition has."""
        lane = piece.lane
        piece.queued_s = now_s
        lane.queue.append(piece)
        lane.held_bytes += piece.held_bytes
        self.held_bytes += piece.held_bytes
        self.waiting += 1
        if lane in self._ready:
            self.ready_pieces += 1
            return
        self._queued[lane] = None
        self._make_ready(lane)

    def ready(self) -> Sequence[Lane]:
        """The lanes with something to send that could send it now, the longest ready first."""
        return tuple(self._ready)

    def park(self, lane: Lane, obstacle: Obstacle) -> None:
        """A ready lane cannot send after all; it is ready again once the obstacle is out of the way. A busy one is none: its batch is
        its obstacle."""
        if lane.busy:
            return
        self._unready(lane)
        lane.obstacle = obstacle
        self._parked.setdefault(obstacle, {})[lane] = None

    def unpark(self, obstacle: Obstacle) -> None:
        """An obstacle is out of the way."""
        for lane in self._parked.pop(obstacle, ()):
            lane.obstacle = None
            self._make_ready(lane)

    def unpark_held(self) -> None:
        """Look again at what is held back by anything but a busy broker."""
        for obstacle in [one for one in self._parked if isinstance(one, str)]:
            self.unpark(obstacle)

    def unpark_all(self) -> None:
        """All obstacles may be out of the way: there is another producer, or another view of the brokers."""
        for obstacle in tuple(self._parked):
            self.unpark(obstacle)

    def parked_behind(self, obstacle: Obstacle) -> int:
        """How many lanes wait for that."""
        return len(self._parked.get(obstacle, ()))

    def take(self, lane: Lane, max_bytes: int, *, late_s: float, why: NotStored) -> list[Piece]:
        """The next batch of a ready lane: one piece, and as many more as fit in `max_bytes`. The lane is busy until `done`.

        Pieces whose deadline is at or before `late_s` could not be answered in time and are not sent: `why`. Pieces that follow
        a failure of their own submission are left out too, so the batch may be empty; then the lane is not busy.
        """
        self._unready(lane)
        batch: list[Piece] = []
        size_bytes = 0
        queue = lane.queue
        while queue and (not batch or size_bytes + queue[0].size_bytes <= max_bytes):
            piece = queue.popleft()
            self.waiting -= 1
            if piece.follows_failure():
                self._drop(piece, _AFTER_FAILURE)
            elif piece.deadline_s <= late_s:
                self._drop(piece, why)
            elif piece.future.cancelled():
                piece.failed = True
                self._release(piece)
            else:
                batch.append(piece)
                size_bytes += piece.size_bytes
        self.held_bytes += _COPIES * size_bytes
        lane.busy = bool(batch)
        if not queue:
            self._queued.pop(lane, None)
        return batch

    def done(self, lane: Lane, batch: Sequence[Piece]) -> None:
        """The batch came to its end: its bytes are free, its lane may send again."""
        for piece in batch:
            self._release(piece)
        self._free(lane, batch)

    def put_back(self, lane: Lane, batch: Sequence[Piece]) -> None:
        """The batch was surely not stored: what still has an asker goes to the front of its lane, in its order."""
        for piece in reversed(batch):
            if piece.future.done():
                piece.failed = True  # who went away, too: what follows it in its submission must not overtake it
                self._release(piece)
                continue
            lane.queue.appendleft(piece)
            self.waiting += 1
            self._queued[lane] = None
        self._free(lane, batch)

    def expire(self, now_s: float, why: Callable[[Lane], NotStored]) -> list[Lane]:
        """Take out what waits past its deadline: it was never sent. The lanes of which the obstacle was to blame for it."""
        blamed: list[Lane] = []
        for lane in tuple(self._queued):
            if any(piece.deadline_s <= now_s for piece in lane.queue):
                if isinstance(lane.obstacle, str):
                    blamed.append(lane)
                self._keep(lane, lambda piece: piece.deadline_s > now_s, why(lane))
        return blamed

    def clear(self, lane: Lane, why: NotStored) -> None:
        """Take out all that waits in a lane: it was never sent."""
        self._keep(lane, lambda _: False, why)

    def _keep(self, lane: Lane, good: Callable[[Piece], bool], why: NotStored) -> None:
        was_ready = lane in self._ready
        if was_ready:
            self._unready(lane)
        kept: deque[Piece] = deque()
        for piece in lane.queue:
            if good(piece):
                kept.append(piece)
                continue
            self.waiting -= 1
            self._drop(piece, _AFTER_FAILURE if piece.follows_failure() else why)
        lane.queue = kept
        if not kept:
            self._queued.pop(lane, None)
        elif was_ready:
            self._make_ready(lane)

    def _drop(self, piece: Piece, why: NotStored) -> None:
        self._release(piece)
        piece.resolve(why)

    def _release(self, piece: Piece) -> None:
        piece.lane.held_bytes -= piece.held_bytes
        self.held_bytes -= piece.held_bytes

    def _free(self, lane: Lane, batch: Sequence[Piece]) -> None:
        self.held_bytes -= _COPIES * sum(piece.size_bytes for piece in batch)
        lane.busy = False
        self._make_ready(lane)

    def _make_ready(self, lane: Lane) -> None:
        """Where it has something, no batch of it is out, nothing is in its way and it is not ready already."""
        if not lane.queue or lane.busy or lane.obstacle is not None or lane in self._ready:
            return
        queued_s = lane.queue[0].queued_s
        self.oldest_s = min(self.oldest_s, queued_s) if self._ready else queued_s
        self._ready[lane] = None
        self.ready_pieces += len(lane.queue)

    def _unready(self, lane: Lane) -> None:
        if lane in self._ready:
            del self._ready[lane]
            self.ready_pieces -= len(lane.queue)
