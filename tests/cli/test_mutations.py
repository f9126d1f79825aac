"""`taskq retry`, `cancel`, `delete`, `purge`: what they do, say, and refuse to do."""

from __future__ import annotations

import json
import time

import pytest

from tests.cli.conftest import Bury, Shell


def states(sh: Shell) -> list[str]:
    return [job["state"] for job in sh.records("jobs")]


def test_retry_runs_dead_jobs_again_and_says_so_per_item(sh: Shell, bury: Bury) -> None:
    refs = bury({"n": 1}, {"n": 2})
    done = sh("retry", *refs)
    assert done.returncode == 0
    assert done.stdout == "".join(f"{ref} retried\n" for ref in refs)
    assert done.stderr == "taskq: 2 retried\n"
    assert states(sh) == ["ready", "ready"]


def test_retry_makes_scheduled_jobs_due_now(sh: Shell) -> None:
    ref = sh.ok("enqueue", "t", "--in", "1h").strip()
    assert sh.ok("retry", ref) == f"{ref} retried\n"


def test_pipelines_of_our_own_commands(sh: Shell, bury: Bury) -> None:
    bury(*({"n": n} for n in range(30)))
    listed = sh.ok("jobs", "-q", "emails", "--state", "dead", "--since", "1h", "-o", "name")
    began = time.monotonic()
    retried = sh.ok("retry", "-", "--rate", "50/s", stdin=listed)
    assert time.monotonic() - began > 0.45
    assert len(retried.splitlines()) == 30
    # what retry printed is read by cancel
    assert len(sh.ok("cancel", "-", "--yes", stdin=retried).splitlines()) == 30
    assert states(sh) == []


def test_dead_jobs_go_into_a_new_queue_through_jq_like_lines(sh: Shell, bury: Bury) -> None:
    bury({"to": "a"}, {"to": "b"})
    dead = sh.records("jobs", "--state", "dead")
    lines = "\n".join(json.dumps({"task": job["task"], "payload": job["payload"] | {"v": 2}}) for job in dead)
    refs = sh.ok("enqueue", "-", "-q", "mail", stdin=lines).splitlines()
    assert [job["payload"]["v"] for job in sh.records("inspect", *refs)] == [2, 2]


def test_a_selection_chooses_by_state_queue_and_filter(sh: Shell, bury: Bury) -> None:
    bury({"n": 1}, error="first")
    bury({"n": 2}, error="second")
    done = sh("retry", "-q", "emails", "--state", "dead", "--filter", "error.message=second")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert [job["payload"]["n"] for job in sh.records("jobs", "--state", "ready")] == [2]


def test_a_selection_of_many_pages_changes_each_job_once(sh: Shell) -> None:
    sh.ok("enqueue", "t", "-", "--in", "1h", stdin="{}\n" * 2_500)
    done = sh("cancel", "-q", "default", "--state", "scheduled", "--yes")
    assert done.returncode == 0
    assert len(set(done.stdout.splitlines())) == 2_500
    assert states(sh) == []


def test_a_limit_bounds_a_selection_and_a_stream(sh: Shell, bury: Bury) -> None:
    bury(*({"n": n} for n in range(5)))
    assert len(sh.ok("retry", "-q", "emails", "--state", "dead", "--limit", "2").splitlines()) == 2
    listed = sh.ok("jobs", "--state", "dead", "-o", "name")
    assert len(listed.splitlines()) == 3
    assert sh.ok("retry", "-", "--limit", "1", stdin=listed) == f"{listed.splitlines()[0]} retried\n"


def test_json_holds_what_was_done_and_what_was_not(sh: Shell, bury: Bury) -> None:
    (ref,) = bury()
    done = sh("retry", ref, "emails/n1-0", "-o", "ndjson")
    assert done.returncode == 6
    first, second = map(json.loads, done.stdout.splitlines())
    assert first == {
        "schema": "taskq.change/1",
        "id": ref,
        "queue": "emails",
        "verb": "retry",
        "done": True,
        "found": "dead",
    }
    assert (second["done"], second["found"]) == (False, None)


@pytest.mark.parametrize("verb", ["retry", "cancel", "delete"])
def test_unknown_jobs_are_not_found_and_wrong_states_refused(sh: Shell, verb: str) -> None:
    assert sh(verb, "emails/n1-0", "--yes").returncode == 4
    ref = sh.ok("enqueue", "t").strip()
    if verb != "cancel":
        done = sh(verb, ref, "--yes")
        assert done.returncode == (5 if verb == "retry" else 4)
        assert done.stdout == ""
    assert sh(verb, "-", "--yes", stdin="nonsense\n").returncode == 2
    assert sh(verb).returncode == 2
    assert sh(verb, ref, "--state", "dead").returncode == 2


def test_cancel_and_delete_remove_jobs_for_good(sh: Shell, bury: Bury) -> None:
    (dead,) = bury()
    waiting = sh.ok("enqueue", "t").strip()
    assert sh.ok("delete", dead, "--yes") == f"{dead} deleted\n"
    assert sh.ok("cancel", waiting, "--yes") == f"{waiting} cancelled\n"
    assert states(sh) == []


@pytest.mark.parametrize("verb", ["cancel", "delete"])
def test_destructive_verbs_refuse_off_a_terminal_without_yes(sh: Shell, verb: str) -> None:
    ref = sh.ok("enqueue", "t").strip()
    done = sh(verb, ref)
    assert done.returncode == 5
    assert "--yes" in done.stderr
    assert done.stdout == ""
    assert states(sh) == ["ready"]


@pytest.mark.parametrize("verb", ["retry", "cancel", "delete"])
def test_a_dry_run_shows_a_sample_and_changes_nothing(sh: Shell, verb: str, bury: Bury) -> None:
    bury(*({"n": n} for n in range(8)))
    done = sh(verb, "-q", "emails", "--state", "dead", "-n")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 5
    assert f"would {verb} 8 jobs" in done.stderr
    assert states(sh) == ["dead"] * 8


def test_purge_of_a_whole_state_wants_the_name_of_the_queue(sh: Shell) -> None:
    sh.ok("enqueue", "t", "-", "-q", "emails", stdin="{}\n" * 2_500)
    for args in ([], ["--yes"], ["--confirm", "other"]):
        assert sh("purge", "emails", "--state", "ready", *args).returncode == 5
    done = sh("purge", "emails", "--state", "ready", "--dry-run")
    assert "would purge 2500 ready jobs" in done.stderr
    assert len(states(sh)) == 100
    assert sh.ok("purge", "emails", "--state", "ready", "--confirm", "emails") == "emails 2500 ready purged\n"
    assert states(sh) == []


def test_purge_of_old_jobs_wants_yes_and_spares_the_young(sh: Shell, bury: Bury) -> None:
    bury()
    assert sh("purge", "emails", "--state", "dead", "--older-than", "1h").returncode == 5
    assert "emails 0 dead" in sh.ok("purge", "emails", "--state", "dead", "--older-than", "1h", "--yes")
    done = sh.ok("purge", "emails", "--state", "dead", "--older-than", "1ms", "--yes", "-o", "json")
    assert json.loads(done) == [{"schema": "taskq.purge/1", "queue": "emails", "state": "dead", "purged": 1}]


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["emails", "--state", "running"], 2),
        (["emails", "--state", "odd"], 2),
        (["emails"], 2),
        ([], 2),
        (["em*", "--state", "dead"], 2),
        (["nowhere", "--state", "dead", "--confirm", "nowhere"], 4),
    ],
)
def test_purge_refuses_what_it_cannot_do(sh: Shell, args: list[str], code: int) -> None:
    sh.ok("enqueue", "t", "-q", "emails")
    assert sh("purge", *args).returncode == code
