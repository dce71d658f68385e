"""What waits for Kafka: a queue for each partition, bounded in bytes, cut into batches. Called by `publisher` alone.

Pure decisions: time comes in as `now_s` (any monotonic clock), nothing is sent from here. The order of a partition is the
order of `add`; of one partition at most one batch is out at a time, so that nothing overtakes.
"""

from asyncio import Future
from collections import deque
from collections.abc import Iterator, Sequence

from tidegate.errors import Code
from tidegate_gateway.intake.ports import NotStored, Record, Unknown

__all__ = ["Accumulator", "Lane", "Piece", "PieceOutcome"]

PieceOutcome = int | NotStored | Unknown
"""Of one piece: the offset of its first record (-1: stored, Kafka no longer knows where), or why not."""

_AFTER_FAILURE = NotStored(Code.AFTER_FAILURE, "an earlier event for the same partition was not stored")


class Lane:
    """The queue of one partition. `busy`: a batch of it is out."""

    __slots__ = ("busy", "partition", "queue", "topic")

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.queue: deque[Piece] = deque()
        self.busy = False


class Piece:
    """Records of one submission for one partition, at most a batch's worth. `before`: its predecessor in the submission."""

    __slots__ = ("before", "deadline_s", "failed", "future", "lane", "records", "size_bytes")

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
        self.deadline_s = deadline_s
        self.future = future
        self.before = before
        self.failed = False

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
    """All lanes and their bytes: what waits and what is out."""

    def __init__(self, max_bytes: int) -> None:
        self.held_bytes = 0
        self.waiting = 0
        self.oldest_s = 0.0
        self._max_bytes = max_bytes
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._ready: dict[Lane, None] = {}

    def has_room(self, size_bytes: int) -> bool:
        """Whether so many more bytes may be held. An empty accumulator takes any submission."""
        return self.held_bytes == 0 or self.held_bytes + size_bytes <= self._max_bytes

    def lane(self, topic: str, partition: int) -> Lane:
        """The lane of a partition; made where there was none."""
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = self._lanes[topic, partition] = Lane(topic, partition)
        return lane

    def add(self, piece: Piece, now_s: float) -> None:
        """Queue a piece behind what its partition has."""
        lane = piece.lane
        lane.queue.append(piece)
        self.held_bytes += piece.size_bytes
        if not self.waiting:
            self.oldest_s = now_s
        self.waiting += 1
        if not lane.busy:
            self._ready[lane] = None

    def ready(self) -> Iterator[Lane]:
        """The lanes with something to send and nothing out, the longest ready first."""
        return iter(tuple(self._ready))

    def take(self, lane: Lane, max_bytes: int) -> list[Piece]:
        """The next batch of a lane: one piece, and as many more as fit in `max_bytes`. The lane is busy until `done`.

        Pieces that follow a failure of their own submission are resolved and left out, so the batch may be empty; then the
        lane is not busy.
        """
        batch: list[Piece] = []
        size_bytes = 0
        queue = lane.queue
        while queue and (not batch or size_bytes + queue[0].size_bytes <= max_bytes):
            piece = queue.popleft()
            self.waiting -= 1
            if piece.follows_failure():
                self._drop(piece, _AFTER_FAILURE)
            elif piece.future.cancelled():
                piece.failed = True
                self.held_bytes -= piece.size_bytes
            else:
                batch.append(piece)
                size_bytes += piece.size_bytes
        self._ready.pop(lane, None)
        lane.busy = bool(batch)
        return batch

    def done(self, lane: Lane, batch: Sequence[Piece]) -> None:
        """The batch came to its end: its bytes are free, its lane may send again."""
        self.held_bytes -= sum(piece.size_bytes for piece in batch)
        self._free(lane)

    def put_back(self, lane: Lane, batch: Sequence[Piece], now_s: float) -> None:
        """The batch was surely not stored: what still has time and an asker goes to the front of its lane, in its order."""
        for piece in reversed(batch):
            if piece.future.done():
                piece.failed = True  # who went away, too: what follows it in its submission must not overtake it
                self.held_bytes -= piece.size_bytes
                continue
            lane.queue.appendleft(piece)
            if not self.waiting:
                self.oldest_s = now_s
            self.waiting += 1
        self._free(lane)

    def expire(self, now_s: float, why: NotStored) -> None:
        """Take out what waits past its deadline: it was never sent."""
        for lane in tuple(self._lanes.values()):
            if any(piece.deadline_s <= now_s for piece in lane.queue):
                self._expire_lane(lane, now_s, why)

    def _expire_lane(self, lane: Lane, now_s: float, why: NotStored) -> None:
        kept: deque[Piece] = deque()
        for piece in lane.queue:
            if piece.deadline_s > now_s:
                kept.append(piece)
                continue
            self.waiting -= 1
            self._drop(piece, _AFTER_FAILURE if piece.follows_failure() else why)
        lane.queue = kept
        if not kept:
            self._ready.pop(lane, None)

    def _drop(self, piece: Piece, why: NotStored) -> None:
        self.held_bytes -= piece.size_bytes
        piece.resolve(why)

    def _free(self, lane: Lane) -> None:
        lane.busy = False
        if lane.queue:
            self._ready[lane] = None
