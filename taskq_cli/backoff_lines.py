"""The pauses between attempts as they stand in a line: written, and read back."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import msgspec

from taskq_cli.views import seconds
from taskq_core import Backoff

Seconds = Annotated[float, msgspec.Meta(gt=0, le=4e9)]


class BackoffLine(msgspec.Struct, forbid_unknown_fields=True):
    """What `backoff_record` writes."""

    base_s: Seconds
    factor: float
    cap_s: Seconds


def backoff_record(backoff: Backoff | None) -> dict[str, Any] | None:
    """A backoff as a part of a record."""
    if backoff is None:
        return None
    return {"base_s": seconds(backoff.base), "factor": backoff.factor, "cap_s": seconds(backoff.cap)}


def backoff_of(line: BackoffLine | None) -> Backoff | None:
    """The same, read back. Raises: InvalidOption, OverflowError."""
    if line is None:
        return None
    return Backoff(timedelta(seconds=line.base_s), line.factor, timedelta(seconds=line.cap_s))
