"""TLS with real certificates: a server alone, behind sentinels, in a cluster; and what is said when it fails.

On Redis only: the Valkey of the wheel is built without TLS. What taskq does is the same for both.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from taskq_core import (
    AsyncClient,
    Client,
    Job,
    JobOptions,
    NotTrusted,
    State,
    TaskQueue,
    UsageError,
    WorkerOptions,
)
from taskq_core.handshake import refusal
from tests.cli.many import Many
from tests.conftest import Spawn
from tests.groups import Cluster, Group, Sentinels
from tests.processes import environment, taskq_command
from tests.servers import Server
from tests.waiting import wait_until

SECRET = "s3cret"
FOREVER: Mapping[str, datetime] = {}


@dataclass(frozen=True, slots=True)
class Papers:
    """Certificates, as files; ``options`` make a server use one."""

    folder: Path
    ca: trustme.CA

    @classmethod
    def made(cls, folder: Path) -> Papers:
        """An authority, and one that nobody uses."""
        found = cls(folder, trustme.CA())
        found.ca.cert_pem.write_to_path(str(folder / "ca.pem"))
        trustme.CA().cert_pem.write_to_path(str(folder / "other.pem"))
        return found

    def issue(self, name: str, *hosts: str, **validity: datetime) -> tuple[str, str]:
        """A certificate for some hosts, and its key."""
        cert = self.ca.issue_cert(*hosts, **validity)  # type: ignore[arg-type]  # only dates are given
        files = str(self.folder / f"{name}.pem"), str(self.folder / f"{name}.key")
        cert.cert_chain_pems[0].write_to_path(files[0])
        cert.private_key_pem.write_to_path(files[1])
        return files

    def options(
        self, name: str, *hosts: str, clients: str = "no", validity: Mapping[str, datetime] = FOREVER
    ) -> list[str]:
        """Options of a server."""
        cert, key = self.issue(name, *hosts, **validity)
        return [
            "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", str(self.folder / "ca.pem"),
            "--tls-auth-clients", clients, "--tls-replication", "yes", "--tls-cluster", "yes",
        ]  # fmt: skip

    def query(self, name: str = "ca") -> str:
        """What a URL says to trust an authority."""
        return f"?ssl_ca_certs={self.folder}/{name}.pem"


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """The certificates of this module."""
    return Papers.made(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module", params=["alone", "sentinels", "cluster"])
def place(request: pytest.FixtureRequest, papers: Papers) -> Iterator[str]:
    """The URL of servers that speak only TLS."""
    tls = papers.options("server", "127.0.0.1", "localhost")
    group: Group
    if request.param == "sentinels":
        group = Sentinels("redis", tls=tls)
    elif request.param == "cluster":
        group = Cluster("redis", tls=tls, replicas=False)
    else:
        group = Group(tls)
        group.url = f"rediss://localhost:{group.start('redis').port}"
    yield group.url + papers.query()
    group.remove()


def test_jobs_go_through_their_whole_life(place: str) -> None:
    queue = TaskQueue("q", redis=place, retries=0)
    ran = []

    @queue.process("note")
    async def note(job: Job) -> None:
        ran.append(job.payload["n"])

    with Client(place) as client:
        client.enqueue_many("q", "note", [{"n": n} for n in range(20)])
        kept = client.enqueue("q", "note", {"n": 20}, JobOptions(keep=timedelta(minutes=1)))
        assert client.snapshot("q").ready_total == 21
        queue.run(WorkerOptions(burst=True))
        assert sorted(ran) == list(range(21))
        assert client.inspect(kept.ref).state is State.DONE
        assert client.remove("q")
    queue.close_sync()


async def test_asyncio_does_the_same(place: str) -> None:
    async with AsyncClient(place) as client:
        receipt = await client.enqueue("q", "t", {})
        assert (await client.inspect(receipt.ref)).state is State.READY
        await client.remove("q")


def test_a_worker_process_and_commands_use_it(papers: Papers, spawn: Spawn, tmp_path: Path) -> None:
    with encrypted(papers.options("worker", "127.0.0.1")) as server:
        place = f"rediss://127.0.0.1:{server.port}{papers.query()}"
        assert work_and_look(place, spawn, tmp_path) == 128 + signal.SIGTERM


def work_and_look(place: str, spawn: Spawn, tmp_path: Path) -> int:
    """A worker and commands at that place; the exit code of the worker, which has done its job."""
    (tmp_path / "app.py").write_text(
        "from taskq_core import TaskQueue\nq = TaskQueue('lemon')\n@q.process('t')\ndef t(job): return 1\n"
    )
    worker = spawn([*taskq_command(), "worker", "app:q"], place)
    many = Many(tmp_path, environment(tmp_path, place, TERM="dumb"))
    with Client(place) as client:
        wait_until(lambda: len(client.workers("lemon")) == 1, 30, "the worker")
        client.enqueue("lemon", "t", {})
        wait_until(lambda: client.snapshot("lemon").totals.get("done") == 1, 20, "the job")
        for words in (
            ["queue", "ls"],
            ["workers", "ls"],
            ["doctor"],
            ["health", "-q", "lemon"],
            ["top", "--once"],
        ):
            done = many.run(*words)
            assert done.returncode == 0 or (words == ["doctor"] and done.returncode == 1), done.stderr
            assert "lemon" in done.stdout or words[0] in ("health", "doctor")
        ended = worker.stop()
        client.remove("lemon")
    many.close()
    return ended


# -- what fails ------------------------------------------------------------------------------------------

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
A_DAY = timedelta(days=1)
UNVERIFIED = "[SSL: CERTIFICATE_VERIFY_FAILED]"
BAD: dict[str, tuple[list[str], dict[str, datetime], str, str, str]] = {
    "an unknown authority": (["127.0.0.1"], {}, "", "self-signed certificate", "ssl_ca_certs"),
    "another authority": (["127.0.0.1"], {}, "other", "self-signed certificate", "ssl_ca_certs"),
    "another host": (["elsewhere.example"], {}, "ca", "mismatch", "another host"),
    "an end": (
        ["127.0.0.1"], {"not_before": LONG_AGO, "not_after": LONG_AGO + A_DAY}, "ca", "expired", "Renew",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
async def test_a_certificate_that_is_not_accepted_is_named_at_once(
    papers: Papers, many: Many, what: str
) -> None:
    hosts, validity, trusted, reason, advice = BAD[what]
    with encrypted(papers.options("bad", *hosts, validity=validity)) as server:
        url = f"rediss://ops:{SECRET}@127.0.0.1:{server.port}{papers.query(trusted) if trusted else ''}"
        with Client(url, deadline=60) as client, pytest.raises(NotTrusted, match=reason) as refused:
            client.enqueue("lemon", "t", {})
        async with AsyncClient(url, deadline=60) as twin:
            with pytest.raises(NotTrusted, match=reason):
                await twin.enqueue("lemon", "t", {})
        done = many.run("queue", "ls", "--url", url)

    assert advice in refused.value.hint
    assert done.returncode == 3
    assert reason in done.stderr
    assert advice in done.stderr
    assert SECRET not in done.stderr + str(refused.value)


def test_a_client_without_a_certificate_is_told_that_it_needs_one(papers: Papers, many: Many) -> None:
    with encrypted(papers.options("strict", "127.0.0.1", clients="yes")) as server:
        url = f"rediss://127.0.0.1:{server.port}{papers.query()}"
        done = many.run("queue", "ls", "--url", url)
        assert (done.returncode, "ssl_certfile" in done.stderr) == (3, True), done.stderr
        cert, key = papers.issue("client", "client.example")
        with Client(f"{url}&ssl_certfile={cert}&ssl_keyfile={key}") as client:
            assert client.queues() == []


def test_a_port_of_the_other_kind_is_hinted_at(papers: Papers, many: Many) -> None:
    with encrypted(papers.options("plain", "127.0.0.1")) as server:
        done = many.run("queue", "ls", "--url", server.tcp_url)
    assert (done.returncode, "rediss:// if it wants TLS" in done.stderr) == (3, True), done.stderr


@pytest.mark.parametrize("name", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
def test_a_file_that_is_not_there_is_named(many: Many, name: str) -> None:
    url = f"rediss://ops:{SECRET}@127.0.0.1:1?{name}=/nowhere/x.pem"
    with pytest.raises(UsageError, match=name):
        Client(url)
    done = many.run("queue", "ls", "--url", url)
    assert (done.returncode, "/nowhere/x.pem" in done.stderr, SECRET in done.stderr) == (2, True, False)


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (f"{UNVERIFIED} certificate verify failed: certificate has expired (_ssl.c:1)", "has expired"),
        (UNVERIFIED, "cannot be verified"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "does not speak TLS"),
        ("Connection reset by peer", None),
        ("EOF occurred in violation of protocol", None),
    ],
)  # fmt: skip
def test_what_a_library_says_of_a_handshake_is_put_plainly(said: str, means: str | None) -> None:
    found = refusal(said)
    assert (found is None) is (means is None)
    assert found is None or (means is not None and means in found[0])


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Many]:
    """Commands that give up soon."""
    folder = tmp_path_factory.mktemp("many")
    found = Many(folder, environment(folder, TASKQ_TEST_DEADLINE_S="0.1", TERM="dumb"))
    yield found
    found.close()


class encrypted:  # noqa: N801 - used like a function
    """A server that speaks only TLS, ended with the block."""

    def __init__(self, options: Sequence[str]) -> None:
        self._server = Server("redis")
        self._server.encrypt(options)

    def __enter__(self) -> Server:
        return self._server.start()

    def __exit__(self, *_: object) -> None:
        self._server.remove()
