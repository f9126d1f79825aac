"""Pipelines: under pipefail, cut off by head, with stdin closed, a million lines long, interrupted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.cli.world import INTERRUPTED, World
from tests.processes import taskq_command
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with a worker."""
    found = World(tmp_path_factory.mktemp("world"), forks=False)
    found.start_worker()
    yield found
    found.close()


def lines(text: str) -> list[str]:
    return text.splitlines()


def test_photos_are_enqueued_and_awaited(world: World) -> None:
    done = world.run(
        "find . -name '*.jpg' -print | jq -cR '{path: .}' | taskq enqueue resize - -q images"
        " | taskq wait - --timeout 5m"
    )
    assert done.returncode == 0, done.stderr
    # without --keep nobody knows how a job ended that is gone already
    assert [bool(re.fullmatch(r"images/n\d+-\d+ (done|ended)", line)) for line in lines(done.stdout)] == [
        True
    ] * 2


def test_the_dead_of_the_last_hour_are_retried_slowly(world: World) -> None:
    dead = {world.fresh().dead for _ in range(3)}
    done = world.run("taskq jobs -q emails --state dead --since 1h -o name | taskq retry - --rate 50/s")
    assert done.returncode == 0, done.stderr
    assert {f"{ref} retried" for ref in dead} <= set(lines(done.stdout))


@pytest.mark.parametrize("kind", ["TimeoutError", "KeyError"])
def test_the_dead_of_one_error_are_retried(world: World, kind: str) -> None:
    dead = world.fresh().dead
    done = world.run(
        f"taskq jobs --state dead -o ndjson | jq -c 'select(.error.type==\"{kind}\")' | taskq retry -"
    )
    assert done.returncode == 0, done.stderr
    assert (f"{dead} retried" in lines(done.stdout)) is (kind == "TimeoutError")


def test_the_dead_go_again_with_another_payload(world: World) -> None:
    world.fresh()
    done = world.run(
        "taskq jobs --state dead -o ndjson | jq -c '{task,payload:(.payload|.template=\"v2\")}'"
        " | taskq enqueue - -q default | head -1 | taskq inspect - -o ndjson | jq -r .payload.template"
    )
    assert done.stdout == "v2\n", done.stderr


def test_a_report_is_awaited_and_read(world: World) -> None:
    done = world.run(
        "id=$(taskq enqueue report month=11 --keep 1h -q reports)"
        ' && taskq wait "$id" --timeout 60s > /dev/null && taskq result "$id"'
    )
    assert (done.returncode, done.stdout) == (0, '{"rows":[1,2,3]}\n'), done.stderr


def test_a_watch_feeds_a_filter(world: World) -> None:
    done = world.run_endless(
        "taskq stats --watch=100ms -o ndjson | jq -c --unbuffered 'select(.running >= 0) | .queue'"
    )
    assert done.returncode in (0, INTERRUPTED), done.stderr
    assert '"emails"' in lines(done.stdout)


def test_deep_queues_are_paused(world: World) -> None:
    deep = world.run("seq 1500 | jq -c '{n: .}' | taskq enqueue later - -q backlog --in 1h | wc -l")
    assert deep.stdout.strip() == "1500", deep.stderr
    row = world.run("taskq queue ls -q backlog -o tsv").stdout.split("\t")
    column = row.index("1500") + 1
    done = world.run(
        f"taskq queue ls -q 'back*' -o tsv | awk -F'\\t' '${column} > 1000 {{print $1}}'"
        " | xargs -rn1 taskq queue pause --yes"
    )
    assert (done.returncode, done.stdout) == (0, "backlog paused\n"), done.stderr


CUT = [
    "taskq jobs",
    "taskq jobs -o ndjson",
    "taskq jobs -o json",
    "taskq jobs -o name",
    "taskq export",
    "taskq failures",
    "yes '{}' | taskq enqueue later - -q cut --in 1h",
    "taskq jobs -q deep -o name | taskq inspect - -o ndjson",
    "taskq jobs -q deep -o name | taskq why -",
    "taskq stats --watch=100ms",
    "taskq completion bash",
]


@pytest.mark.parametrize("command", CUT)
def test_head_ends_a_pipeline_silently(world: World, command: str) -> None:
    world.run("seq 3000 | jq -c '{n: .}' | taskq enqueue later - -q deep --in 1h")
    world.fresh()  # one job of each kind, failed ones among them
    done = world.run(f"{command} | head -1")
    assert done.returncode in (0, 128 + signal.SIGPIPE), done.stderr
    assert len(lines(done.stdout)) == 1
    assert not re.search("Traceback|Broken|Exception", done.stderr)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("enqueue x -", 0),
        ("enqueue -", 0),
        ("inspect -", 0),
        ("retry -", 0),
        ("cancel - --yes", 0),
        ("delete - --yes", 0),
        ("bury - --yes", 0),
        ("wait -", 0),
        ("result -", 0),
        ("why -", 0),
        ("import -", 0),
        ("delete -", 5),
    ],
)
def test_closed_stdin_is_an_empty_stream(world: World, command: str, code: int) -> None:
    for closed in ("<&-", "</dev/null"):
        done = world.run(f"taskq {command} {closed}")
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert "Traceback" not in done.stderr


def test_closed_stdout_and_stderr_are_no_defects(world: World) -> None:
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        done = world.run(f"taskq jobs --limit 3 {closed}")
        assert done.returncode in (0, 1), closed
        assert "Traceback" not in done.stdout + done.stderr


def test_pipefail_tells_of_a_line_that_was_refused(world: World) -> None:
    done = world.run("printf '{}\\nnot json\\n{}\\n' | taskq enqueue later - --in 1h | cat")
    assert done.returncode == 6
    assert len(lines(done.stdout)) == 3
    failed = world.run("printf '{}\\nnot json\\n' | taskq enqueue later - --in 1h | taskq inspect - | cat")
    assert failed.returncode == 6


@pytest.mark.alone
def test_a_million_lines_go_through(world: World) -> None:
    done = world.run(
        "seq 1000000 | jq -c '{n: .}' | taskq enqueue later - -q million --in 1h | tail -1 | taskq inspect -"
        " | jq .payload.n",
        timeout=110,
    )
    assert (done.returncode, done.stdout) == (0, "1000000\n"), done.stderr
    assert world.client.snapshot("million").scheduled == 1_000_000


INTERRUPTED_STREAMS = {
    "enqueue later - -q cut-enqueue --in 1h": ("{}", r"\d+ enqueued"),
    "inspect - -o name": ("deep", ""),
    "retry - --rate 100/s": ("deep", r"\d+ retried"),
    "cancel - --yes --rate 100/s": ("deep", r"\d+ cancelled"),
}


@pytest.mark.parametrize("command", INTERRUPTED_STREAMS)
def test_control_c_keeps_what_was_acknowledged_and_says_how_far_it_got(world: World, command: str) -> None:
    line, summary = INTERRUPTED_STREAMS[command]
    if line == "deep":
        world.run("seq 3000 | jq -c '{n: .}' | taskq enqueue later - -q deep --in 1h > ids")
        source = "while cat ids; do sleep 0.2; done"
    else:
        source = f"while echo '{line}'; do :; done"
    out = world.folder / "cut.out"
    with out.open("wb") as shown:
        process = subprocess.Popen(
            ["bash", "-c", f"({source}) 2>/dev/null | exec {' '.join(taskq_command())} {command}"],
            env=world.env,
            cwd=world.folder,
            stdout=shown,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        wait_until(lambda: out.read_bytes().count(b"\n") > 20, 30, "lines")
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=30)[1]
    assert process.returncode == INTERRUPTED
    assert "Traceback" not in said
    assert re.search(summary, said)
    if "enqueue" in command:
        printed = len(lines(out.read_text()))
        assert re.search(rf"{printed:,} enqueued|{printed} enqueued", said)
        assert world.client.snapshot("cut-enqueue").scheduled == printed
