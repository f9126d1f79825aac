"""What may be wrong with a server. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlsplit

from taskq_cli.doctor.findings import NOTE, PROBLEM, Finding
from taskq_cli.doctor.holes import holes_of, parsed
from taskq_cli.doctor.server_facts import ServerFacts
from taskq_cli.durations import format_duration

CLOCK_S: Final = 1.0
PING_S: Final = 0.02
"""A worker makes some round trips a job at low load: slower than this and they are what jobs wait for."""
NEARLY: Final = 0.9
OLDEST: Final = (7, 0)


def server_findings(facts: ServerFacts) -> Iterator[Finding]:
    """All findings about the server."""
    yield from facts.notes
    for check in _CHECKS:
        yield from check(facts)


def too_old(facts: ServerFacts) -> bool:
    """Whether none of our scripts runs there."""
    number = parsed(facts.info.get("redis_version", ""))
    return bool(number) and number < OLDEST and "valkey_version" not in facts.info


def _version(facts: ServerFacts) -> Iterator[Finding]:
    kind = "valkey" if "valkey_version" in facts.info else "redis"
    version = facts.info.get(f"{kind}_version", "")
    if too_old(facts):
        yield _finding(
            PROBLEM, "server_too_old", f"The server is Redis {version}.",
            "taskq needs Redis 7.0 or Valkey 7.2.",
            "Upgrade the server",
        )  # fmt: skip
    tls = facts.url.startswith("rediss") or facts.number("tls_port") > 0
    for hole, fixed in holes_of(kind, version, tls=tls):
        yield _finding(
            NOTE, "known_hole", f"{kind.capitalize()} {version} has {hole.name}: {hole.what}.",
            "By its version; distributions may have fixed it without changing that.",
            f"Upgrade to {fixed} or later, or make sure that your package has the fix",
        )  # fmt: skip


def _memory(facts: ServerFacts) -> Iterator[Finding]:
    policy, most = facts.info.get("maxmemory_policy", ""), facts.number("maxmemory")
    used = facts.number("used_memory")
    if policy not in ("", "noeviction"):
        yield _finding(
            PROBLEM if most else NOTE, "eviction", f"The eviction policy is {policy}.",
            "A server that is full drops jobs, leases and locks with it, without a word.",
            "CONFIG SET maxmemory-policy noeviction, and in its configuration file",
        )  # fmt: skip
    if most and used > most * NEARLY:
        yield _finding(
            PROBLEM, "memory_nearly_full", f"{used * 100 // most} % of maxmemory are used.",
            "At the limit enqueueing is refused.", "Raise maxmemory, or let more workers drain the queues",
        )  # fmt: skip
    if not most and facts.info.get("maxmemory") is not None:
        yield _finding(
            NOTE, "memory_unlimited", "maxmemory is not set.",
            "A queue that nobody drains can take all memory of the machine.",
            "Set maxmemory, or a limit for each queue: taskq queue set QUEUE --max-jobs N",
        )  # fmt: skip


def _persistence(facts: ServerFacts) -> Iterator[Finding]:
    info, settings = facts.info, facts.settings
    aof = info.get("aof_enabled") == "1"
    if not aof and settings.get("save") == "":
        if "save" in settings:
            yield _finding(
                PROBLEM, "not_persistent", "The server keeps nothing on disk.",
                "All jobs are lost when it ends.", "appendonly yes, in its configuration file",
            )  # fmt: skip
    elif not aof and "aof_enabled" in info:
        yield _finding(
            NOTE, "snapshots_only", "The server writes snapshots, and no append-only file.",
            "A crash loses the jobs since the last snapshot.", "appendonly yes, in its configuration file",
        )  # fmt: skip
    if aof and settings.get("appendfsync") == "no":
        yield _finding(
            PROBLEM, "fsync_off", "appendfsync is no.",
            "A crash of the machine may lose the jobs of half a minute.",
            "appendfsync everysec, or always: with batches it costs little",
        )  # fmt: skip
    for name in ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status"):
        if info.get(name, "ok") != "ok":
            yield _finding(
                PROBLEM, "write_failed", f"{name} is {info[name]}.",
                "The server could not write to disk; it may refuse to take jobs.",
                "Look at its log and its disk",
            )  # fmt: skip


def _role(facts: ServerFacts) -> Iterator[Finding]:
    if facts.info.get("role") in ("slave", "replica"):
        yield _finding(
            PROBLEM, "replica", "This server is a replica.", "It takes no writes.",
            f"Use its primary: {facts.info.get('master_host', '')}:{facts.info.get('master_port', '')}",
        )  # fmt: skip


def _access(facts: ServerFacts) -> Iterator[Finding]:
    user = facts.user
    if not user or not _reachable(facts):
        return
    if "nopass" in user.get("flags", "").split():
        yield _finding(
            NOTE, "no_password",
            f"User {user['name']} needs no password, and other machines can reach the server.",
            "Who can enqueue can have your workers run any task; who can reach it can read all payloads.",
            "Set a password (requirepass, or ACL SETUSER), or bind it to loopback",
        )  # fmt: skip
    if "+@all" in user.get("commands", "").split() and "-@" not in user["commands"]:
        yield _finding(
            NOTE, "may_do_everything", f"User {user['name']} may run every command.",
            "A leaked URL gives away the server, not only its queues.",
            "Give taskq a user of its own: taskq tenant acl NAMESPACE",
        )  # fmt: skip


def _tls(facts: ServerFacts) -> Iterator[Finding]:
    scheme = urlsplit(facts.url).scheme
    hosts = _hosts(facts.url)
    if scheme.startswith("redis") and not scheme.startswith("rediss") and not all(map(_loopback, hosts)):
        yield _finding(
            NOTE, "no_tls", "The connection leaves this machine, and is not encrypted.",
            "Whoever is on the way reads all payloads, and the password.",
            "rediss:// and tls-port on the server, unless the network between is a private one",
        )  # fmt: skip


def _cluster(facts: ServerFacts) -> Iterator[Finding]:
    if facts.info.get("cluster_enabled") != "1":
        return
    if facts.settings.get("cluster-require-full-coverage") == "yes":
        yield _finding(
            PROBLEM, "full_coverage", "cluster-require-full-coverage is yes.",
            "While one primary is away, all other nodes refuse to serve their queues too.",
            "CONFIG SET cluster-require-full-coverage no on each node, and in its configuration file",
        )  # fmt: skip


def _hosts(url: str) -> list[str]:
    """The hosts that a URL names."""
    parts = urlsplit(url)
    if "," not in parts.netloc:
        return [parts.hostname or "localhost"]
    places = parts.netloc.rpartition("@")[2].split(",")
    return [urlsplit(f"//{place}").hostname or "localhost" for place in places]


def _reachable(facts: ServerFacts) -> bool:
    """Whether other machines can talk to it, as far as that shows."""
    if urlsplit(facts.url).scheme != "unix" and not all(map(_loopback, _hosts(facts.url))):
        return True
    bound = facts.settings.get("bind", "").replace("-", " ").split()
    open_ = not bound or any(not _loopback(address) for address in bound)
    return open_ and facts.settings.get("protected-mode") == "no"


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _times(facts: ServerFacts) -> Iterator[Finding]:
    ahead = facts.clock_ahead_s
    if abs(ahead) > CLOCK_S:
        which = "ahead of" if ahead > 0 else "behind"
        yield _finding(
            PROBLEM, "clock", f"The server's clock is {format_duration(abs(ahead))} {which} this machine's.",
            "Times that are given with --at, and those that are shown, are off by as much.",
            "Set both by NTP",
        )  # fmt: skip
    if facts.ping_s > PING_S:
        yield _finding(
            NOTE, "slow_answers", f"A round trip to the server takes {format_duration(facts.ping_s)}.",
            "Workers wait that long for each batch.", "Run workers near the server",
        )  # fmt: skip


def _finding(severity: str, check: str, what: str, why: str, fix: str) -> Finding:
    return Finding(severity, check, "server", what, why, fix)


_CHECKS: Final[tuple[Callable[[ServerFacts], Iterator[Finding]], ...]] = (
    _version,
    _role,
    _memory,
    _persistence,
    _access,
    _tls,
    _cluster,
    _times,
)
