"""Servers that belong together, as local processes: a primary with replica and sentinels, and a cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import redis

from taskq_core.routing import slot_of
from tests.servers import Server, free_port
from tests.waiting import wait_until

SERVICE = "jobs"
SLOTS = 16_384


class Group:
    """Servers that are ended together."""

    url: str

    def __init__(self, tls: Sequence[str] = ()) -> None:
        """``tls``: options of servers that speak nothing else."""
        self.servers: list[Server] = []
        self._tls = tls
        self._scheme = "rediss" if tls else "redis"

    def start(self, kind: str, *options: str, aof: bool = False) -> Server:
        """Starts one more."""
        # a replica is served at once, instead of after 5 s in which others might come
        server = Server(kind, "--repl-diskless-sync-delay", "0", *options, aof=aof)
        if self._tls:
            server.encrypt(self._tls)
        self.servers.append(server)
        return server.start()

    def remove(self) -> None:
        """Ends all."""
        for server in self.servers:
            with contextlib.suppress(OSError):
                server.remove()


class Sentinels(Group):
    """A primary, a replica, and three sentinels that watch them.

    Sentinels ping once a second: with a shorter ``down_ms`` a busy machine makes them fail over for nothing.
    """

    def __init__(self, kind: str, *options: str, down_ms: int = 1_500, tls: Sequence[str] = ()) -> None:
        super().__init__(tls)
        first = self.start(kind, *options)
        second = self.start(kind, *options, "--replicaof", "127.0.0.1", str(first.port))
        self.pair = (first, second)
        wait_until(lambda: second.raw.info("replication")["master_link_status"] == "up", 20, "the replica")
        self.watchers = [self._watcher(kind, first, down_ms) for _ in range(3)]
        self.url = (
            f"{self._scheme}+sentinel://{','.join(f'127.0.0.1:{w.port}' for w in self.watchers)}/{SERVICE}"
        )
        wait_until(lambda: all(map(self._ready, self.watchers)), 20, "the sentinels")

    def _watcher(self, kind: str, primary: Server, down_ms: int) -> Server:
        # it writes what it learns into its configuration file, which has to be there
        watcher = Server(kind)
        self.servers.append(watcher)
        settings = watcher.folder / "sentinel.conf"
        settings.write_text(
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 2\n"
            f"sentinel down-after-milliseconds {SERVICE} {down_ms}\n"
            f"sentinel failover-timeout {SERVICE} 3000\n"
        )
        watcher.first = (str(settings), "--sentinel")
        if self._tls:
            watcher.encrypt(self._tls)
        return watcher.start()

    @staticmethod
    def _ready(watcher: Server) -> bool:
        said = _flat(watcher.raw.execute_command("SENTINEL", "MASTER", SERVICE))
        return said["num-slaves"] == "1" and said["num-other-sentinels"] == "2"

    @property
    def primary(self) -> Server:
        """The server that the sentinels name."""
        return self._named_by(self.watchers[0])

    def _named_by(self, watcher: Server) -> Server:
        _, port = watcher.raw.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(server for server in self.pair if server.port == int(port))

    @property
    def replica(self) -> Server:
        """The other one."""
        primary = self.primary
        return next(server for server in self.pair if server is not primary)

    def fail_over(self, killed: Callable[[], object] = lambda: None) -> None:
        """Kills the primary; when the other has taken over, the dead one comes back as its replica."""
        dead, heir = self.primary, self.replica
        dead.kill()
        killed()
        wait_until(lambda: self.primary is heir and _role(heir) == "master", 30, "the failover")
        wait_until(lambda: all(self._named_by(w) is heir for w in self.watchers), 30, "all to know of it")
        dead.start()
        # as sentinels do themselves, some 10 s later
        dead.raw.replicaof("127.0.0.1", heir.port)
        wait_until(lambda: _role(dead) == "slave" and _linked(dead), 30, "the return of the dead one")
        _in_step(heir)
        wait_until(lambda: all(map(self._ready, self.watchers)), 30, "the sentinels")


class Cluster(Group):
    """Three primaries, each with a replica where ``replicas`` says so."""

    def __init__(
        self,
        kind: str,
        *options: str,
        replicas: bool = True,
        timeout_ms: int = 1_000,
        tls: Sequence[str] = (),
    ) -> None:
        super().__init__(tls)
        own = ["--cluster-enabled", "yes", "--cluster-node-timeout", str(timeout_ms), *options]
        own += ["--cluster-replica-validity-factor", "0", "--cluster-require-full-coverage", "no"]
        self.nodes = [self._node(kind, own) for _ in range(6 if replicas else 3)]
        self._join()
        self.primaries: list[Server] = self.nodes[:3]
        share = SLOTS // 3 + 1
        for at, node in enumerate(self.primaries):
            last = min(SLOTS, (at + 1) * share) - 1
            node.raw.execute_command("CLUSTER", "ADDSLOTSRANGE", at * share, last)
        for primary, replica in zip(self.primaries, self.nodes[3:], strict=False):
            replica.raw.execute_command(
                "CLUSTER", "REPLICATE", primary.raw.execute_command("CLUSTER", "MYID")
            )
        wait_until(lambda: all(map(_linked, self.nodes[3:])), 30, "the replicas")
        wait_until(lambda: all(map(_whole, self.nodes)), 30, "the cluster")
        self.url = f"{self._scheme}+cluster://{','.join(f'127.0.0.1:{node.port}' for node in self.nodes[:2])}"

    def _node(self, kind: str, own: Sequence[str]) -> Server:
        return self.start(kind, *own, "--cluster-port", str(free_port()))

    def _join(self) -> None:
        first = self.nodes[0]
        for epoch, node in enumerate(self.nodes, 1):
            node.raw.execute_command("CLUSTER", "SET-CONFIG-EPOCH", epoch)
        bus = first.raw.config_get("cluster-port")["cluster-port"]
        for node in self.nodes[1:]:
            node.raw.execute_command("CLUSTER", "MEET", "127.0.0.1", first.port, bus)
        wait_until(
            lambda: all(_known(node) == len(self.nodes) for node in self.nodes), 30, "the nodes to meet"
        )

    def primary_of(self, queue: str, namespace: str = "default") -> Server:
        """The node that has a queue."""
        slot = slot_of(f"{{{namespace}/{queue}}}")
        for server in self.nodes:
            with contextlib.suppress(redis.RedisError, OSError):
                rows = server.raw.execute_command("CLUSTER", "SLOTS")
                port = next(row[2][1] for row in _rows(rows) if row[0] <= slot <= row[1])
                return next(node for node in self.nodes if node.port == port)
        raise AssertionError("no node answers")

    def queues_apart(self, count: int = 3) -> list[str]:
        """Queue names that live on different primaries."""
        found: dict[int, str] = {}
        for at in range(10_000):
            name = f"q{at}"
            found.setdefault(self.primary_of(name).port, name)
            if len(found) == count:
                break
        return list(found.values())

    def move_slot(self, slot: int, source: Server, target: Server) -> None:
        """Gives a slot with its keys to another primary, as resharding does."""
        ids = {node.port: node.raw.execute_command("CLUSTER", "MYID") for node in (source, target)}
        target.raw.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source.port])
        source.raw.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target.port])
        while keys := source.raw.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
            words = ("MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", *keys)
            source.raw.execute_command(*words)
        for node in (target, source, *self.primaries):
            node.raw.execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[target.port])


@contextlib.contextmanager
def sentinels(kind: str, *options: str, down_ms: int = 1_500) -> Iterator[Sentinels]:
    """A primary, a replica and three sentinels, ended with the block."""
    group = Sentinels(kind, *options, down_ms=down_ms)
    try:
        yield group
    finally:
        group.remove()


@contextlib.contextmanager
def cluster(kind: str, *options: str, replicas: bool = True) -> Iterator[Cluster]:
    """A cluster, ended with the block."""
    group = Cluster(kind, *options, replicas=replicas)
    try:
        yield group
    finally:
        group.remove()


def _flat(reply: Any) -> dict[str, str]:
    if isinstance(reply, dict):
        return {_text(name): _text(value) for name, value in reply.items()}
    words = [_text(word) for word in reply]
    return dict(zip(words[::2], words[1::2], strict=True))


def _text(word: Any) -> str:
    return word.decode() if isinstance(word, bytes) else str(word)


def _role(server: Server) -> str:
    try:
        return str(server.raw.info("replication")["role"])
    except redis.RedisError:
        return ""


def _in_step(primary: Server) -> None:
    """Waits until a replica has what is written: Redis 7.0 sends it nothing in the first second."""
    with primary.raw.client() as one:
        one.set("in step?", 1)
        one.delete("in step?")
        wait_until(lambda: one.wait(1, 1_000) == 1, 30, "the replica")


def _linked(server: Server) -> bool:
    try:
        return bool(server.raw.info("replication").get("master_link_status") == "up")
    except redis.RedisError:
        return False


def _known(server: Server) -> int:
    return len(_text(server.raw.execute_command("CLUSTER", "NODES")).splitlines())


def _myself(server: Server) -> str:
    try:
        lines = _text(server.raw.execute_command("CLUSTER", "NODES")).splitlines()
    except redis.RedisError:
        return ""
    return next(line for line in lines if "myself" in line).replace(",", " ")


def _whole(server: Server) -> bool:
    info = _text(server.raw.execute_command("CLUSTER", "INFO"))
    return "cluster_state:ok" in info and "cluster_slots_ok:16384" in info


def _rows(reply: Any) -> list[Any]:
    return reply if isinstance(reply, list) else [[*span, [None, *found]] for span, found in reply.items()]
