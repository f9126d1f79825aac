"""What the server says of its memory and processor, and whether somebody else is using it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from taskq_core import Client

IDLE_S = 0.5
SETTLE_S = 10.0
BUSY_SHARE = 0.03
"""Of a core. Above it, or with this much memory moving, others disturb what is measured."""
BUSY_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Load:
    """The server at one moment: bytes in use, and seconds of processor time since it started."""

    at: float
    memory: int
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Idle:
    """How busy the server is while nothing of ours runs. ``share``: of a core, by other clients."""

    share: float
    bytes_per_s: float

    @property
    def others(self) -> float:
        """The share of a core to be counted out; the server's own housekeeping is not."""
        return self.share if self.share >= BUSY_SHARE else 0.0

    @property
    def remark(self) -> str:
        """What to say of it; empty when the server is quiet."""
        if self.share < BUSY_SHARE and abs(self.bytes_per_s) < BUSY_BYTES:
            return ""
        return f"others use it too: {self.share:.0%} of a core, {self.bytes_per_s / 1e6:+.1f} MB/s"


def load(client: Client) -> Load:
    """What INFO says now."""
    fields = _fields(client.execute("INFO", "memory")) | _fields(client.execute("INFO", "cpu"))
    cpu = float(fields.get("used_cpu_user", 0)) + float(fields.get("used_cpu_sys", 0))
    return Load(time.monotonic(), int(fields.get("used_memory", 0)), cpu)


def settle(client: Client) -> None:
    """Returns when the server has freed what was removed before, which it does in the background."""
    end = time.monotonic() + SETTLE_S
    while time.monotonic() < end:
        if _fields(client.execute("INFO", "memory")).get("lazyfree_pending_objects", "0") == "0":
            return
        time.sleep(0.02)


def idle(client: Client) -> Idle:
    """How busy others keep the server, from half a second of looking on."""
    before = load(client)
    time.sleep(IDLE_S)
    after = load(client)
    seconds = after.at - before.at
    return Idle((after.cpu_s - before.cpu_s) / seconds, (after.memory - before.memory) / seconds)


def _fields(reply: bytes | str) -> dict[str, str]:
    text = reply.decode() if isinstance(reply, bytes) else reply
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
