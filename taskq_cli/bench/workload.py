"""The job that is measured: a small e-mail order, another number in each."""

from __future__ import annotations

import time
from collections.abc import Iterator

TASK = "send-email"


def email(number: int) -> dict[str, str]:
    """The payload of one job: 73 bytes of JSON."""
    return {
        "to": f"user{100_000 + number % 900_000}@example.com",
        "subject": "Welcome!",
        "template": "welcome",
    }


def emails(count: int, first: int = 0) -> Iterator[dict[str, str]]:
    """The payloads of many jobs."""
    return (email(number) for number in range(first, first + count))


def stamped(number: int) -> dict[str, object]:
    """The payload with the time at which it was made, which is when its job is sent."""
    return {**email(number), "at": time.time()}
