"""`taskq group`, `taskq wait --group`, and enqueueing members and chains, as a pipeline sees them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from taskq_core import Client, GroupRef, GroupState, JobOptions, NewGroup, NewJob, State
from taskq_core.commands import work
from tests.conftest import Taskq
from tests.scripts.grouping import callbacks, conclude, full, info
from tests.scripts.rig import Rig
from tests.servers import Server


@pytest.fixture
def rig(any_server: Server) -> Any:
    rig = Rig(any_server, 2)
    yield rig
    rig.client.close()


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_group_is_opened_filled_sealed_and_shown(taskq: Taskq, rig: Rig) -> None:
    def run(*words: str, stdin: str = "") -> str:
        done = taskq(*words, url=rig.url, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run("group", "open", "g", "callback", "month:=11", "-q", "q") == "q/g opened\n"
    run("enqueue", "t", "-", "-q", "q", "--group", "g", stdin='{"n":1}\n{"n":2}\n')
    run(
        "enqueue",
        "-",
        "-q",
        "q",
        stdin='{"task":"t","group":"g","then":["u",{"task":"v","payload":{"n":3}}]}\n',
    )
    (record,) = records(run("group", "ls", "-o", "ndjson"))
    assert (record["id"], record["state"], record["total"], record["callback"]) == (
        "q/g",
        "open",
        3,
        "callback",
    )
    assert run("group", "seal", "q/g") == "q/g sealed\n"
    assert run("group", "seal", "g", "-q", "q") == "q/g was sealed already\n"
    (shown,) = records(run("jobs", "-q", "q", "--filter", "group=g,then~u", "-o", "ndjson"))
    assert (shown["group"], shown["then"]) == ("g", ["u", "v"])
    assert len(records(run("jobs", "-q", "q", "--filter", "group=g", "-o", "ndjson"))) == 3
    assert records(run("jobs", "-q", "q", "--filter", "group=other", "-o", "ndjson")) == []
    assert info(rig).state is GroupState.RUNNING


def test_a_chain_from_the_command_line(taskq: Taskq, rig: Rig) -> None:
    later = '{"task":"c","payload":{"x":[1]},"in":"1h"}'
    done = taskq("enqueue", "a", "-q", "q", "--then", "b", "--then", later, url=rig.url)
    assert rig.detail(done.stdout.strip().partition("/")[2]).then == ("b", "c")
    far, past = '{"task":"x","in":1e300}', '{"task":"x","in":-1}'
    for wrong in ("a b", '{"task":"x","unique":"u"}', '{"payload":{}}', '"x","y"', far, past):
        refused = taskq("enqueue", "a", "-q", "q", "--then", wrong, url=rig.url)
        assert refused.returncode == 2, wrong
        assert "Traceback" not in refused.stderr
    assert rig.totals()["enqueued"] == 1
    line = '{"task":"a","then":[' + far + ']}\n{"task":"a"}\n'
    mixed = taskq("enqueue", "-", "-q", "q", stdin=line, url=rig.url)
    assert (mixed.returncode, "seconds are too many" in mixed.stderr) == (6, True), mixed.stderr
    assert rig.totals()["enqueued"] == 2


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("done", 0, "2 done"),
        ("dead", 7, "1 dead"),
        ("cancelled", 7, "1 cancelled"),
        ("pending", 8, "still pending"),
    ],
)
def test_waiting_for_a_group_ends_as_its_members_did(
    taskq: Taskq, rig: Rig, end: str, code: int, said: str
) -> None:
    full(rig, 2)
    rig.hire()
    first, second = rig.claim(want=2)
    conclude(rig, "w1", first)
    if end == "done":
        conclude(rig, "w1", second)
    elif end == "dead":
        rig.run(rig.failing("w1", second))
    elif end == "cancelled":
        rig.run(work.release(rig.keys, "w1", [second]))
        rig.client.cancel("q", [second.id])

    done = taskq("wait", "--group", "q/g", "--timeout", "500ms", url=rig.url)

    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert done.stdout == {"done": "q/g finished\n", "dead": "q/g failed\n", "cancelled": "q/g stuck\n"}.get(
        end, ""
    )
    if end == "dead":
        assert "taskq retry -q q --state dead --filter group=g" in done.stderr
        assert (
            taskq("retry", "-q", "q", "--state", "dead", "--filter", "group=g", "-y", url=rig.url).returncode
            == 0
        )
        assert rig.state(second.id) is State.READY


def test_what_is_not_there_is_said(taskq: Taskq, rig: Rig) -> None:
    rig.add(1)
    for words in (["wait", "--group", "q/none"], ["group", "show", "q/none"], ["group", "seal", "q/none"]):
        done = taskq(*words, url=rig.url)
        assert (done.returncode, "no group q/none" in done.stderr) == (4, True), done.stderr
    assert taskq("wait", "--group", "none", url=rig.url).returncode == 2
    assert taskq("wait", "--group", "q/none", "q/n1-1", url=rig.url).returncode == 2
    assert taskq("group", "show", url=rig.url).returncode == 2


def test_a_group_is_finished_or_forgotten_by_hand(taskq: Taskq, rig: Rig) -> None:
    full(rig, 2)
    assert taskq("group", "finish", "q/g", url=rig.url).returncode == 5  # it asks
    assert taskq("group", "finish", "q/g", "--dry-run", url=rig.url).returncode == 0
    assert callbacks(rig) == []
    assert taskq("group", "finish", "q/g", "-y", url=rig.url).stdout == "q/g finished\n"
    assert len(callbacks(rig)) == 1
    assert taskq("group", "rm", "q/g", "-y", url=rig.url).stdout == "q/g removed\n"
    assert taskq("group", "rm", "q/g", "-y", url=rig.url).returncode == 4
    taken = NewGroup("g", NewJob("other", {}))
    rig.client.groups.open("q", taken)
    assert taskq("group", "open", "g", "callback", "-q", "q", url=rig.url).returncode == 5


def test_a_chain_comes_back_from_an_export_and_its_group_does_not(taskq: Taskq, rig: Rig) -> None:
    tricky = {"text": 'ä\n"G":"x"'}
    rig.add(1, group="g", then=[NewJob("second", tricky, JobOptions(retries=9)), NewJob("third", {})])
    rig.hire()
    conclude(rig, "w1", *rig.claim(), result={"ü": [1]})
    exported = taskq("export", "-q", "q", url=rig.url).stdout
    rig.client.purge("q", State.READY)
    assert info(rig).removed == 1
    done = taskq("import", "-", url=rig.url, stdin=exported.replace('"q"', '"r"'))
    assert done.returncode == 0, done.stderr

    with Client(rig.url) as client:
        (job,) = client.list_jobs("r", State.READY).jobs
        assert (job.task, job.payload, job.retries) == (
            "second",
            json.dumps(tricky, ensure_ascii=False, separators=(",", ":")).encode(),
            9,
        )
        assert (job.then, job.previous, job.group) == (("third",), '{"ü":[1]}'.encode(), None)
        assert client.groups.get(GroupRef("q", "g")).total == 1
