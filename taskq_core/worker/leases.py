"""Which workers have died, judged by an observer's own clock. Pure.

A lease that has run out by the server's clock is not enough: the server may have been away, or its
clock may have been set. The observer must itself have seen the lease stand still for its whole length,
without a gap in its own looking: a server that was away for a while was away for its workers too.
"""

from __future__ import annotations

from collections.abc import Mapping


class LeaseWatch:
    """Remembers when each lease was last seen to change. Times in seconds of one monotonic clock."""

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._seen: dict[str, tuple[str, float]] = {}
        self._looked = float("-inf")

    def expired(self, leases: Mapping[str, str], server_ms: int, now: float) -> list[str]:
        """The workers to be revoked. ``leases``: expiry in server ms, as text, by worker."""
        if now - self._looked > self._lease_s / 2:
            self._seen.clear()  # we were blind for a while: everybody gets a whole lease again
        self._looked = now
        self._seen = {
            worker: seen if (seen := self._seen.get(worker, ("", now)))[0] == expiry else (expiry, now)
            for worker, expiry in leases.items()
        }
        return [
            worker
            for worker, (expiry, since) in self._seen.items()
            if float(expiry) < server_ms and now - since >= self._lease_s
        ]
