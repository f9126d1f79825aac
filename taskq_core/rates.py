"""How often jobs may start: ``100/s``, ``6000/m``, ``1/10s``, ``50/h burst 10``. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from taskq_core.errors import InvalidOption

_UNITS_US: Final = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_WRITTEN: Final = re.compile(r"([0-9]{1,9})/([0-9]{0,6})([smhd])(?:,?\s+burst\s+([0-9]{1,9}))?")
_LONGEST_US: Final = 30 * 86_400_000_000
_BURST_US: Final = 100_000
"""What may start at once where no burst is named: what comes in this time, and one at least."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` starts in ``period_us``, evenly, but for ``burst`` that may start at once."""

    count: int
    period_us: int
    burst: int
    text: str

    @classmethod
    def parse(cls, text: str | Rate) -> Rate:
        """Reads ``100/s`` or ``100/s burst 20``. Raises: InvalidOption."""
        if isinstance(text, Rate):
            return text
        match = _WRITTEN.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise InvalidOption(
                f"{text!r} is no rate", hint="For example 100/s, 6000/m, 1/10s, or 100/s burst 20"
            )
        count, period = int(match[1]), int(match[2] or 1) * _UNITS_US[match[3]]
        if not count or not period or period > _LONGEST_US:
            raise InvalidOption(f"the rate {text!r} is not between 1/30d and 100000/s")
        burst = int(match[4]) if match[4] else max(1, count * _BURST_US // period)
        rate = cls(count, period, burst, " ".join(text.replace(",", " ").split()))
        if count * 10 > period:
            raise InvalidOption(f"the rate {text!r} is over 100000/s")
        if not 1 <= burst <= 1_000_000 or burst * rate.gap_us > _LONGEST_US:
            raise InvalidOption(f"the burst of {text!r} is not between 1 and what comes in 30 days")
        return rate

    @classmethod
    def read(cls, stored: str) -> Rate | None:
        """A rate as it lies on the server; None when it is none: anybody may have written it."""
        try:
            return cls.parse(stored.split(" ", 2)[2])
        except (IndexError, InvalidOption):
            return None

    @property
    def gap_us(self) -> int:
        """µs between two starts, rounded up: the rate is never passed."""
        return -(-self.period_us // self.count)

    @property
    def per_s(self) -> float:
        """Starts a second."""
        return self.count * 1_000_000 / self.period_us

    @property
    def stored(self) -> str:
        """As scripts read it: µs between two, burst, and what was written."""
        return f"{self.gap_us} {self.burst} {self.text}"

    def __str__(self) -> str:
        return self.text
