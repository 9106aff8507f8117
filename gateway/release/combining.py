"""Requests of one process that come at the same time become one batch: leader and followers.

INVARIANTS
- Whoever finds nobody leading leads: it takes what waits, itself among it, answers it as one batch, and hands the lead to
  whoever has waited longest. No thread does nothing else, and a lone request waits for nobody.
- Every request is answered once, by a batch that began after it came: nothing that was read before is used for it.
- One request's fault is its own: a batch that fails is answered one by one.
- A lead that was handed over is taken, also by whoever would have given up just then: nobody waits for nobody.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from gateway.release.model import Outcome, ReleaseRequest, Unavailable

MOST: Final = 64
"""Requests of one batch."""
LINGER_SECONDS: Final = 0.0004
"""How long a leader whose predecessor had company waits for more; never one that comes alone."""
PATIENCE_SECONDS: Final = 20.0
"""How long somebody waits for another's batch; longer than any statement may take."""

Answer = Callable[[Sequence[ReleaseRequest]], list[Outcome]]


class _Waiting:
    """One request and what it comes to; its fields are read and written under the combiner's lock alone."""

    __slots__ = ("fault", "is_leader", "outcome", "request", "woken")

    def __init__(self, request: ReleaseRequest) -> None:
        self.request = request
        self.outcome: Outcome | None = None
        self.fault: BaseException | None = None
        self.is_leader = False
        self.woken = threading.Event()


class Combiner:
    """Answers the requests of a process's threads, one batch at a time.

    Args:
        answer: answers a batch, one outcome per request, in order; never called twice at once.
        patience: seconds after which a follower gives up, where its batch is not answered.
    """

    def __init__(self, answer: Answer, *, patience: float = PATIENCE_SECONDS) -> None:
        self._answer = answer
        self._patience = patience
        self._lock = threading.Lock()
        self._queue: deque[_Waiting] = deque()
        self._is_led = False
        self._had_company = False

    def ask(self, request: ReleaseRequest) -> Outcome:
        """Return the outcome of a request; ``Unavailable`` where nobody answered it in time.

        Raises: what answering this request alone raises.
        """
        own = _Waiting(request)
        with self._lock:
            self._queue.append(own)
            own.is_leader = not self._is_led
            self._is_led = True
        if not own.is_leader:
            own.woken.wait(self._patience)
        if self._must_lead(own):
            batch = self._taken(own)
            try:
                outcomes = self._answer([each.request for each in batch])
                for each, outcome in zip(batch, outcomes, strict=True):
                    each.outcome = outcome
            except Exception:  # noqa: BLE001 - whatever it was, it is raised where it belongs
                self._answer_alone(batch)
            finally:
                self._hand_over(batch)
        if own.fault is not None:
            raise own.fault
        return own.outcome or Unavailable()

    def _must_lead(self, own: _Waiting) -> bool:
        """True for a leader; whoever gave up waits no more, and leads if the lead was handed over meanwhile."""
        with self._lock:
            if own in self._queue and not own.is_leader:
                self._queue.remove(own)
            return own.is_leader

    def _taken(self, own: _Waiting) -> list[_Waiting]:
        """What a leader answers: its own request first."""
        if self._had_company:
            time.sleep(LINGER_SECONDS)
        with self._lock:
            self._queue.remove(own)
            others = [self._queue.popleft() for _ in range(min(MOST - 1, len(self._queue)))]
            self._had_company = bool(others)
            return [own, *others]

    def _hand_over(self, batch: Sequence[_Waiting]) -> None:
        """Let whoever has waited longest lead, and wake everybody of the batch."""
        with self._lock:
            self._is_led = bool(self._queue)
            if self._is_led:
                self._queue[0].is_leader = True
                self._queue[0].woken.set()
        for each in batch:
            each.woken.set()

    def _answer_alone(self, batch: Sequence[_Waiting]) -> None:
        """Answer each of a batch that failed alone, so that whoever's fault it is has it."""
        for each in batch:
            try:
                (each.outcome,) = self._answer([each.request])
            except Exception as error:  # noqa: BLE001 - likewise
                each.fault = error
