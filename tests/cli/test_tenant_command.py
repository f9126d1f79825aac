"""`taskq tenant`: who shares a queue, what each may have, and that `taskq why` names a tenant that waits."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell


def test_tenants_are_listed_limited_and_paused(sh: Shell) -> None:
    job = sh.ok("enqueue", "t", "-q", "q", "--tenant", "acme").strip()
    sh.ok("enqueue", "t", "-q", "q", "--tenant", "beta")

    assert sh.ok("tenant", "set", "q", "acme", "--weight", "3", "--rate", "10/s", "-o", "name") == "acme\n"
    assert sh.ok("tenant", "pause", "q", "acme", "-o", "name") == "acme\n"
    acme, beta = sh.records("tenant", "ls")
    assert (acme["name"], acme["state"], acme["weight"], acme["rate"], acme["ready"]) == (
        "acme", "paused", 3, "10/s", 1,
    )  # fmt: skip
    assert (beta["name"], beta["state"], beta["weight"], beta["rate"]) == ("beta", "active", 1, None)
    (why,) = sh.records("why", job)
    assert why["also"] == ["tenant_paused"]  # nobody serves the queue either

    sh.ok("tenant", "resume", "q", "acme")
    sh.ok("tenant", "set", "q", "acme", "--weight", "0", "--rate", "0")
    (acme, _) = sh.records("tenant", "ls")
    assert (acme["state"], acme["weight"], acme["rate"]) == ("active", 1, None)
    assert "tenant" not in sh.ok("why", job)


def test_a_purge_takes_the_jobs_of_one_tenant_and_says_how_many(sh: Shell) -> None:
    for tenant in ("acme", "acme", "beta"):
        sh.ok("enqueue", "t", "-q", "q", "--tenant", tenant)
    assert "2 are ready" in sh("tenant", "purge", "q", "acme", "--dry-run").stderr
    assert len(sh.records("jobs", "-q", "q")) == 3
    purged = sh.records("tenant", "purge", "q", "acme", "--yes")
    assert [(each["state"], each["purged"]) for each in purged] == [("ready", 2), ("scheduled", 0)]
    (left,) = sh.records("jobs", "-q", "q")
    assert left["tenant"] == "beta"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "q"), "name a queue and a tenant"),
        (("set", "q", "acme"), "nothing to set"),
        (("set", "q", "acme", "--rate", "often"), "rate"),
        (("set", "q", "acme", "--weight", "1001"), "between 1 and 1000"),
        (("purge", "q", "acme", "--state", "running"), "cannot purge running jobs"),
        (("pause", "q", "A b"), "tenant"),
        (("pause", "q*", "acme"), "taskq tenant pause wants the name of one queue"),
        (("resume", "q*", "acme"), "taskq tenant resume wants the name of one queue"),
    ],
)
def test_what_is_wrong_is_said(sh: Shell, words: tuple[str, ...], said: str) -> None:
    sh.ok("enqueue", "t", "-q", "q")
    done = sh("tenant", *words)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("words", [("set", "--weight", "2"), ("pause",), ("resume",), ("purge", "--yes")])
def test_a_queue_that_is_not_there_is_said(sh: Shell, words: tuple[str, ...]) -> None:
    verb, *options = words
    done = sh("tenant", verb, "qq", "acme", *options)
    assert (done.returncode, "no queue 'qq'" in done.stderr) == (4, True), done.stderr
