"""Limits of starting and running on the command line: set, shown, explained, exported."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from taskq_core.commands import operate
from tests.cli.conftest import Shell
from tests.scripts.gating import claim
from tests.scripts.rig import Rig


@pytest.fixture
def rig(sh: Shell) -> Iterator[Rig]:
    """The queue ``emails``, worked by hand."""
    rig = Rig(sh.server, 2, "emails")
    rig.run(operate.announce("default", "emails"))
    yield rig
    rig.client.close()


def test_limits_are_set_and_shown(sh: Shell) -> None:
    sh.ok("enqueue", "send", "-q", "emails")
    (found,) = sh.records(
        "queue", "set", "emails", "--rate", "6000/m burst 20", "--max-running", "20",
        "--key-max-running", "2", "--task-rate", "send=10/s", "--task-max-running", "send=5",
        "--task-max-running", "render=1",
    )  # fmt: skip
    assert (found["rate"], found["max_running"], found["key_max_running"]) == ("6000/m burst 20", 20, 2)
    assert found["tasks"] == {"send": {"rate": "10/s", "max_running": 5}, "render": {"max_running": 1}}
    assert found["by_code"] == []
    (shown,) = sh.records("queue", "show", "emails")
    assert {gate["limit"] for gate in shown["gates"]} == {"the queue", "task send", "task render"}
    assert (shown["held"], shown["limits"]["max_running"]) == (0, 20)

    (found,) = sh.records(
        "queue", "set", "emails", "--rate", "0", "--max-running", "off", "--task-rate", "send=0"
    )
    assert (found["rate"], found["max_running"], found["tasks"]["send"]) == (None, None, {"max_running": 5})
    done = sh("queue", "set", "emails", "--task-max-running", "send=7", "--dry-run")
    assert "would set task-max-running send 7 of emails" in done.stderr


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--rate", "fast"), "no rate"),
        (("--rate", "0/s"), "not between"),
        (("--max-running", "-1"), "neither a number nor off"),
        (("--task-rate", "send"), "not TASK=LIMIT"),
        (("--task-max-running", "no task=1"), "task name"),
    ],
)
def test_what_is_no_limit_is_refused(sh: Shell, flags: tuple[str, ...], said: str) -> None:
    sh.ok("enqueue", "send", "-q", "emails")
    done = sh("queue", "set", "emails", *flags)

    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_why_names_the_limit_that_holds_a_job(sh: Shell, rig: Rig) -> None:
    sh.ok("queue", "set", "emails", "--task-rate", "slow=1/h", "--task-max-running", "one=1")
    rig.hire()
    slow = rig.add(2, "slow")
    one = rig.add(2, "one")
    keyed = rig.add(2, "keyed", concurrency_key="user:5")
    claim(rig)
    (found,) = sh.records("why", f"emails/{slow[1]}")
    assert (found["cause"], found["held_by"]) == ("held", "task slow")
    assert "held by the rate 1/h of task slow; the next may start in" in found["explanation"]
    assert 3500 < found["eta_s"] <= 3600
    (found,) = sh.records("why", f"emails/{one[1]}")
    assert f"held by task one, 1 of 1 running: {one[0]}." in found["explanation"]
    assert found["todo"] == "Raise it: taskq queue set emails --task-max-running one=N"
    (found,) = sh.records("why", f"emails/{keyed[1]}")
    assert f"held by key user:5, 1 of 1 running: {keyed[0]}." in found["explanation"]
    (found,) = sh.records("why", "emails")
    assert (found["cause"], found["also"][:2]) == ("held", ["held", "held"])

    (found,) = sh.records("inspect", f"emails/{keyed[1]}")
    assert found["held_by"] == ["1 of 1 of key user:5 running"]
    assert found["concurrency_key"] == "user:5"
    (found,) = sh.records("inspect", f"emails/{keyed[0]}")
    assert found["held_by"] is None


def test_why_names_the_limit_of_a_whole_queue(sh: Shell, rig: Rig) -> None:
    sh.ok("queue", "set", "emails", "--max-running", "1")
    rig.hire()
    ids = rig.add(2)
    claim(rig)
    (found,) = sh.records("why", f"emails/{ids[1]}")
    assert "held by the queue, 1 of 1 running" in found["explanation"]
    assert found["todo"] == "Raise it: taskq queue set emails --max-running N"
    (found,) = sh.records("why", "emails")

    assert (found["cause"], found["held_by"]) == ("held", "the queue")


def test_a_key_is_given_by_flag_and_by_line(sh: Shell, rig: Rig) -> None:
    sh.ok("enqueue", "send", "-q", "emails", "--concurrency-key", "a")
    sh.ok("enqueue", "-", "-q", "emails", stdin='{"task": "send", "concurrency_key": "a"}\n')
    rig.hire()

    assert len(claim(rig)) == 1
    assert sh("enqueue", "send", "-q", "emails", "--concurrency-key", "a b").returncode == 2


def test_limits_and_keys_go_with_an_export(sh: Shell, rig: Rig) -> None:
    flags = ("--rate", "10/s", "--task-max-running", "t=3")
    sh.ok("queue", "set", "emails", *flags)
    rig.add(2, concurrency_key="a")
    exported = sh.ok("export", "-q", "emails")
    rig.client.remove("emails")
    sh.ok("import", "-", "--settings", stdin=exported)
    (shown,) = sh.records("queue", "show", "emails")

    assert (shown["limits"]["rate"], shown["limits"]["tasks"]) == ("10/s", {"t": {"max_running": 3}})
    rig.hire()
    assert len(claim(rig)) == 1
