"""The metrics and the health of several worker processes as one: what a supervisor's endpoint tells.

Each child sends its sheet over a pipe, when it is asked and about once a second. What a child that is gone
has counted stays in the sums; its gauges go with it.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from taskq_core import config
from taskq_core.clock import monotonic
from taskq_core.metrics.sheet import Sheet, lasting, merged
from taskq_core.worker.vitals import Vitals

_EVERY_S: Final = 1.0
"""How often a child tells unasked: what it counted since then is missing when it is killed."""
_FRESH_S: Final = 0.5
"""How long a scrape waits for the children's answers; the last sheet stands in for one that is late."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a child tells of itself."""

    live: str
    ready: str
    sheet: Sheet


# -- in a child ---------------------------------------------------------------------------------


class Teller:
    """Tells the supervisor, from a thread of the child."""

    def __init__(self, vitals: Vitals, pipe: Connection) -> None:
        self._vitals = vitals
        self._pipe = pipe
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begins."""
        threading.Thread(target=self._run, name="taskq-tell", daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError, EOFError):  # the supervisor is gone, and soon this process too
            while True:
                if self._pipe.poll(_EVERY_S):
                    self._pipe.recv_bytes(8)
                self.tell()

    def tell(self) -> None:
        """Tells now; at the end of a worker, so that nothing it counted is missing."""
        word = Word(self._vitals.live(), self._vitals.ready(), self._vitals.sheet())
        with self._lock, contextlib.suppress(OSError):
            self._pipe.send(word)


# -- in the supervisor ----------------------------------------------------------------------------


class _Child:
    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self.word: Word | None = None
        self.heard = 0.0
        self.asked = False
        self.asking = threading.Lock()

    @property
    def silent(self) -> bool:
        """Whether it has told nothing for so long that its word counts no more."""
        return monotonic() - self.heard > config.LIVE_S


class Crew:
    """All children that ever were. ``processes``: how many there are to be."""

    def __init__(self, namespace: str, processes: int) -> None:
        self.namespace = namespace
        self.stopping = False
        self._processes = processes
        self._changed = threading.Condition()
        self._children: list[_Child] = []
        self._gone: Sheet = {}
        self._turned = monotonic()

    def turn(self) -> None:
        """The supervisor's own loop goes round."""
        self._turned = monotonic()

    def add(self, pipe: Connection) -> None:
        """A child was started; ``pipe`` is our end of what it tells us by."""
        child = _Child(pipe)
        with self._changed:
            self._children.append(child)
        threading.Thread(target=self._listen, args=(child,), name="taskq-listen", daemon=True).start()

    def _listen(self, child: _Child) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                word: Word = child.pipe.recv()
                with self._changed:
                    child.word, child.heard, child.asked = word, monotonic(), False
                    self._changed.notify_all()
        with self._changed:
            self._children.remove(child)
            if child.word is not None:
                self._gone = merged([self._gone, lasting(child.word.sheet)])
            self._changed.notify_all()
        with child.asking:
            child.pipe.close()

    # -- what the endpoint asks ---------------------------------------------------------------

    def live(self) -> str:
        """Why it does not live: the supervisor stands still, or the loops of all its children."""
        still = monotonic() - self._turned
        if still > config.LIVE_S:
            return f"the supervisor has not turned for {still:.0f} s"
        told = [(child, child.word) for child in self._known() if child.word is not None]
        reasons = [word.live or ("a process tells nothing" if child.silent else "") for child, word in told]
        return reasons[0] if reasons and all(reasons) else ""

    def ready(self) -> str:
        """Why it is not ready: it stops, or fewer than half of the children are ready."""
        if self.stopping:
            return "draining: it claims nothing any more"
        words = [child.word for child in self._known() if child.word is not None and not child.silent]
        ready = sum(not word.ready for word in words)
        if 2 * ready >= self._processes and ready:
            return ""
        reason = next((word.ready for word in words if word.ready), "starting")
        return f"{ready} of {self._processes} processes are ready; {reason}"

    def sheet(self) -> Sheet:
        """The sum of all."""
        self._refresh()
        with self._changed:
            return merged([self._gone, *(child.word.sheet for child in self._children if child.word)])

    def _known(self) -> list[_Child]:
        with self._changed:
            return list(self._children)

    def _refresh(self) -> None:
        asked = monotonic()
        for child in self._known():
            with child.asking, contextlib.suppress(OSError):
                if not child.asked:  # one that hangs is not asked again: its pipe would be full some day
                    child.asked = True
                    child.pipe.send_bytes(b"?")

        def all_told() -> bool:
            return all(child.heard >= asked for child in self._children)

        with self._changed:
            self._changed.wait_for(all_told, _FRESH_S)
