"""Every example of every command's help is run as it is printed. New commands are found by themselves."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from taskq_cli.reference import examples_of, leaves, reference
from taskq_core import GroupRef, JobOptions, NewGroup, NewJob, Schedule, ScheduleRef
from tests.cli.world import INTERRUPTED, World
from tests.processes import ROOT

ALONE = {"taskq queue rm", "taskq workers stop"}
"""What ends the world for the examples after it: each of theirs gets a world of its own."""
ENDLESS = (
    "taskq worker app:queue",
    "taskq worker -q images",
    "taskq tail",
    "taskq stats --watch",
    "taskq exporter",
)
"""Examples that go on until Ctrl-C."""
ENDS = {0, INTERRUPTED, 128 + signal.SIGPIPE, -signal.SIGINT}
CODES = {
    "taskq cancel emails/n1763951707123-0": 5,  # without a terminal it cannot ask
    "taskq delete emails/n1763951707123-0": 5,
    "taskq health --worker 9101 --live": 3,  # of no worker's port, as it is shortened below
}
LIVE_VIEW = "taskq top"
SHORTER = {
    "taskq bench": "taskq bench --only enqueue --jobs 1000",
    "--jobs 1000000": "--only enqueue --jobs 1000",
    "--only drain,latency -o json": "--only enqueue -o json --jobs 1000",
    "redis://localhost:6379": "$TASKQ_REDIS_URL",
    "redis://other:6379": "$OTHER_URL",
    "taskq demo": "taskq demo --seconds 2",
    "--seconds 60": "--seconds 2",
    "--metrics-port 9101": "--metrics-port 0",
    "--worker 9101": "--worker 1",
    "taskq exporter": "taskq exporter --port 0",
    "--port 9102": "--port 0",
}
"""What is written shorter here, because it would take minutes or a server at a fixed place."""

EXAMPLES = [(path, line) for path, command in leaves() for line in examples_of(command)]


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The world that most examples share."""
    found = World(tmp_path_factory.mktemp("world"))
    found.start_worker()
    yield found
    found.close()


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world of its own, with its own worker."""
    found = World(tmp_path_factory.mktemp("world"))
    found.start_worker()
    yield found
    found.close()


@pytest.mark.parametrize(
    ("path", "line"), [row for row in EXAMPLES if row[0] not in ALONE], ids=lambda value: str(value)[:90]
)
def test_an_example_works(shared_world: World, path: str, line: str) -> None:
    check(shared_world, path, line)


@pytest.mark.parametrize(
    ("path", "line"), [row for row in EXAMPLES if row[0] in ALONE], ids=lambda value: str(value)[:90]
)
def test_an_example_that_ends_things_works(world: World, path: str, line: str) -> None:
    check(world, path, line)


def check(world: World, path: str, line: str) -> None:
    world.start_worker()
    prepare(world, path, line)
    real = world.fill_in(shortened(line), path.split()[1])
    if LIVE_VIEW in line and "--once" not in line:
        done, codes = world.run_on_terminal(real, "q"), {0}
    elif line.startswith(ENDLESS):
        done, codes = world.run_endless(real), ENDS
    else:
        done, codes = world.run(real, OTHER_URL=world.other.url), {CODES.get(line, 0)}
        if line.startswith("taskq doctor"):
            codes.add(1)  # what the examples before it left may be a problem
        if "| taskq cancel" in line:
            codes.add(6)  # the worker of this world may end a job between the two commands
    assert done.returncode in codes, f"{real}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr


def prepare(world: World, path: str, line: str) -> None:
    for left in ("taskq.toml", "night.ndjson"):
        (world.folder / left).unlink(missing_ok=True)
    if path.startswith("taskq config"):
        (world.folder / "taskq.toml").write_text(f'[profiles.prod]\nurl = "{world.server.url}"\n')
    if path in ("taskq server status", "taskq server stop"):
        assert world.run("taskq server start").returncode == 0
    if path.startswith("taskq schedule"):
        _prepare_schedule(world, there=path != "taskq schedule add" or "--replace" in line)
    if "images/import-42" in line or path.startswith("taskq group"):
        _prepare_group(world, fill=path != "taskq group open")
    if path == "taskq import":
        assert world.run("taskq export | tee jobs.ndjson | gzip > dead.ndjson.gz").returncode == 0
    if "--replay" in line:
        assert world.run_on_terminal("taskq top --record night.ndjson", "q").returncode == 0


def _prepare_schedule(world: World, *, there: bool) -> None:
    world.client.schedules.remove(ScheduleRef("reports", "nightly"))
    if there:
        world.client.schedules.add("reports", Schedule("nightly", "30 2 * * *", "report"))


def _prepare_group(world: World, *, fill: bool) -> None:
    groups = world.client.groups
    for name in ("import-42", "import-43"):
        groups.remove(GroupRef("images", name))
    if fill:
        groups.open("images", NewGroup("import-42", NewJob("report", {})))
        world.client.enqueue("images", "resize", {}, JobOptions(group="import-42"))


def shortened(line: str) -> str:
    for long, short in SHORTER.items():
        if line == long or (long in line and not long.startswith("taskq")):
            line = line.replace(long, short)
    return line


def test_every_command_has_examples() -> None:
    assert [path for path, command in leaves() if not examples_of(command)] == []


def test_the_reference_is_up_to_date() -> None:
    assert (ROOT / "docs" / "cli.md").read_text() == reference() + "\n", "run `make docs`"
