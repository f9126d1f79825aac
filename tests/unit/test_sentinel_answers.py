"""What sentinels say of the primary, and which of them is believed."""

from __future__ import annotations

from typing import Any

import pytest

from taskq_core import UsageError
from taskq_core.sentinel import _Search

FORMER, HEIR = [b"10.0.0.1", b"6379"], [b"10.0.0.2", b"6379"]


def about(epoch: int) -> list[bytes]:
    """What SENTINEL MASTER says, of a primary that it still names by its former address."""
    return [b"ip", FORMER[0], b"port", FORMER[1], b"config-epoch", str(epoch).encode()]


@pytest.mark.parametrize("told", [about(7), {b"ip": FORMER[0], b"config-epoch": b"7"}])
def test_the_promoted_one_is_the_primary_while_its_sentinel_still_describes_the_one_before(told: Any) -> None:
    search = _Search("jobs", {})
    search.read(told, HEIR)
    search.read(about(6), FORMER)
    search.read(None, FORMER)  # one that refuses to tell its age

    assert search.end() == ("10.0.0.2", 6379)


def test_one_that_tells_no_age_is_believed_where_no_other_answers() -> None:
    search = _Search("jobs", {})
    search.read(None, FORMER)

    assert search.end() == ("10.0.0.1", 6379)


def test_a_service_that_none_knows_is_named() -> None:
    search = _Search("jobs", {})
    search.read(None, None)

    with pytest.raises(UsageError, match="'jobs'"):
        search.end()
