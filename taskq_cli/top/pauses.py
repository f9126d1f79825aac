"""Keeps the interpreter from making keys wait.

1. The thread that reads a server's answers hands over sooner than after the usual 5 ms: one key takes
   several turns of the event loop, and each would wait for it.
2. A quarter of an hour of frames are a million objects, and a full garbage collection looks at all of them:
   150 ms, every few seconds with 1,000 queues. Frames hold no cycles and go without it; what Textual leaves
   behind is collected every two minutes.
"""

from __future__ import annotations

import gc
import sys
from typing import Final

SWITCH_S: Final = 0.0005
COLLECT_S: Final = 120.0
NEVER: Final = 1_000_000_000


def shorten() -> None:
    """For the whole process; call `collect` every `COLLECT_S` from then on."""
    sys.setswitchinterval(SWITCH_S)
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, NEVER)


def collect() -> None:
    """The collection that no longer comes by itself."""
    _ = gc.collect()
