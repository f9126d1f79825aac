"""What the server may refuse, and what a caller sees then: a typed error, and nothing half done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from taskq_core import (
    AccessDenied,
    Client,
    JobOptions,
    KeyConflict,
    ServerFull,
    ServerTooOld,
    ServerUnreachable,
    State,
    TaskqError,
)
from taskq_core.commands import work
from taskq_core.names import JobRef
from tests.conftest import NewServer
from tests.scripts.rig import LONG_MS, Rig
from tests.servers import KINDS, Server

CALLS: dict[str, Callable[[Rig], object]] = {
    "enqueue": lambda rig: rig.add(),
    "claim": lambda rig: rig.run(work.claim(rig.keys, "w1", work.Wanted(1))),
    "retry": lambda rig: rig.client.retry("q", ["s1-1"]),
    "cancel": lambda rig: rig.client.cancel("q", ["s1-1"]),
    "inspect": lambda rig: rig.client.inspect(JobRef("q", "s1-1")),
    "snapshot": lambda rig: rig.client.snapshot("q"),
    "pause": lambda rig: rig.client.pause("q"),
    "scheduled": lambda rig: rig.client.list_jobs("q", State.SCHEDULED),
    "ready": lambda rig: rig.client.list_jobs("q", State.READY),
    "promote": lambda rig: rig.promote(),
    "register": lambda rig: rig.hire("w2"),
}
CONFLICTS = [
    ("n", "register"),
    ("n", "enqueue"), ("n", "claim"), ("n", "ready"), ("n", "snapshot"), ("meta", "enqueue"),
    ("meta", "pause"),
    ("stats", "snapshot"), ("due", "claim"), ("due", "promote"), ("due", "scheduled"), ("jobs", "inspect"),
    ("moved", "cancel"), ("dead:jobs", "retry"),
]  # fmt: skip


@pytest.mark.foreign_keys
@pytest.mark.parametrize(("suffix", "call"), CONFLICTS)
def test_a_key_of_ours_with_another_type_is_a_conflict(rig: Rig, suffix: str, call: str) -> None:
    rig.hire()
    rig.raw.set(rig.keys.root + suffix, "somebody else's")
    before = rig.dump("c", "h", "queues")

    with pytest.raises(KeyConflict, match="holds another type"):
        CALLS[call](rig)

    assert rig.dump("c", "h", "queues") == before


@pytest.mark.parametrize("call", CALLS)
def test_a_script_the_server_forgot_is_sent_again(rig: Rig, call: str) -> None:
    rig.hire()
    first = repr(type(_outcome(rig, call)))
    rig.raw.script_flush()

    assert repr(type(_outcome(rig, call))) == first


def _outcome(rig: Rig, call: str) -> object:
    try:
        return CALLS[call](rig)
    except TaskqError as error:
        return error


# -- a full server --------------------------------------------------------------------------------


@pytest.fixture(params=KINDS)
def full(request: pytest.FixtureRequest, new_server: NewServer) -> Iterator[Rig]:
    """A server at its memory limit, with two running jobs, a waiting, a delayed and a dead one."""
    server = new_server(request.param, "--maxmemory-policy", "noeviction")
    rig = Rig(server, 2)
    rig.hire()
    rig.bury()
    rig.add(3)
    rig.claim(want=2)
    rig.raw.config_set("maxmemory", 1_000_000)
    yield rig
    rig.client.close()


def test_a_full_server_refuses_enqueueing_and_nothing_is_added(full: Rig) -> None:
    before = full.dump()

    with pytest.raises(ServerFull, match="maxmemory"):
        full.add()

    assert full.dump() == before


def test_a_queue_is_drained_while_the_server_is_full(full: Rig) -> None:
    running = [job.ref.id for job in full.client.list_jobs("q", State.RUNNING).jobs]
    first, second = [
        work.job_of("q", stream, entry, fields)
        for stream, (entry, fields) in full.run(work.adopt(full.keys, "w1", list(full.pending("w1"))))
    ]

    assert full.run(work.heartbeat(full.keys, "w1", LONG_MS, {"host": "h"})) > 0
    assert full.ack("w1", first) == 1
    assert full.run(full.failing("w1", second, retries=1)) == 1
    full.make_due(running[1])
    assert full.promote()[0] == 1
    assert full.run(work.watch(full.keys, "w1", LONG_MS)).leads
    claimed = full.claim(want=5)
    assert len(claimed) == 2
    assert full.run(work.release(full.keys, "w1", claimed[:1])) == 1
    full.hire("w2")
    assert full.take_over("w1") == 1
    assert full.ack("w2", *full.claim("w2", 5)) == 2
    assert full.run(work.retire(full.keys, "w2")) is True


@pytest.mark.parametrize("verb", ["retry", "cancel", "delete", "purge", "resume"])
def test_operators_may_clear_up_while_the_server_is_full(full: Rig, verb: str) -> None:
    (dead,) = [job.ref.id for job in full.client.list_jobs("q", State.DEAD).jobs]
    (ready,) = [job.ref.id for job in full.client.list_jobs("q", State.READY).jobs]
    does: dict[str, Callable[[], object]] = {
        "retry": lambda: full.client.retry("q", [dead])[0].done,
        "cancel": lambda: full.client.cancel("q", [ready])[0].done,
        "delete": lambda: full.client.delete("q", [dead])[0].done,
        "purge": lambda: full.client.purge("q", State.READY) == 1,
        "resume": lambda: not full.client.resume("q"),
    }

    assert does[verb]()


# -- no server, or not one for us ---------------------------------------------------------------------


def test_a_server_that_is_too_old_is_named_as_such(new_server: NewServer) -> None:
    server = new_server("old")
    with Client(server.url, deadline=1) as client:
        with pytest.raises(ServerTooOld) as refused:
            client.enqueue("q", "t", {})
        with pytest.raises(ServerTooOld):
            client.snapshot("q")

    assert "7.0" in refused.value.hint


def test_nobody_listening_is_said_within_the_deadline() -> None:
    started = time.monotonic()
    with Client("redis://127.0.0.1:1", deadline=0.4) as client, pytest.raises(ServerUnreachable) as failed:
        client.enqueue("q", "t", {})

    assert 0.2 < time.monotonic() - started < 2
    assert "127.0.0.1:1" in str(failed.value)


def test_a_silent_server_is_given_up_within_the_deadline(any_server: Server) -> None:
    with Client(any_server.url, deadline=0.5) as client:
        client.ping()
        started = time.monotonic()
        with any_server.frozen(), pytest.raises(ServerUnreachable):
            client.snapshot("q")

    assert time.monotonic() - started < 3


def test_a_call_goes_on_when_the_server_comes_back_in_time(new_server: NewServer) -> None:
    server = new_server("valkey", aof=True)
    with Client(server.url, deadline=20) as client:
        receipt = client.enqueue("q", "t", {"x": 1})
        server.kill()
        server.start()
        assert client.inspect(receipt.ref).payload == b'{"x":1}'


# -- access ---------------------------------------------------------------------------------------------


@pytest.fixture(params=KINDS)
def guarded(request: pytest.FixtureRequest, new_server: NewServer) -> Server:
    """A server with users of whom none may do everything."""
    server = new_server(request.param)
    set_user = "ACL SETUSER {} on >right resetkeys resetchannels {}"
    for name, rules in {
        "nothing": "~* -@all",
        "elsewhere": "~taskq:{other/* ~taskq:other:* +@all",
        "unwritten": "~* +@all -xadd",
    }.items():
        server.raw.execute_command(*set_user.format(name, rules).split())
    return server


@pytest.mark.parametrize(
    "login", ["nothing:wrong", "nobody:right", "nothing:right", "elsewhere:right", "unwritten:right"]
)
def test_a_wrong_password_and_a_missing_right_deny_access(guarded: Server, login: str) -> None:
    url = guarded.tcp_url.replace("//", f"//{login}@")
    with Client(url, deadline=1) as client, pytest.raises(AccessDenied) as refused:
        client.enqueue("q", "t", {}, JobOptions())

    assert login not in str(refused.value)
    assert guarded.raw.keys("taskq:{*") == []


def test_a_tenant_may_use_the_namespace_its_rights_name(guarded: Server) -> None:
    url = guarded.tcp_url.replace("//", "//elsewhere:right@")
    with Client(url, namespace="other", deadline=1) as client:
        assert client.inspect(client.enqueue("q", "t", {}).ref).state is State.READY
