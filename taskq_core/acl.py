"""What a tenant may do on a server: an allow-list for Redis' and Valkey's ACL, for each role in a namespace.

It is made from what the scripts call, so a script that calls something new brings its right with it. EVALSHA
itself gives access to nothing: the server checks each command inside a script, and each key, as if the user
had sent it. Nothing here is a category such as ``+@read``: those hold KEYS, SCAN, DBSIZE and more, which tell
of other namespaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from taskq_core.address import database_of, is_cluster, names_several
from taskq_core.keys import LEVELS, queues_key
from taskq_core.scripts import script, script_names


class TenantRole(StrEnum):
    """Who connects. ``ALL``: workers, producers and operators of a namespace in one."""

    ALL = "all"
    WORKER = "worker"
    PRODUCER = "producer"
    READER = "reader"


@dataclass(frozen=True, slots=True)
class AclPlace:
    """Where the user connects. ``several``: "", "sentinel" or "cluster"; ``database``: its number."""

    several: str = ""
    database: int = 0

    @classmethod
    def of(cls, url: str) -> AclPlace:
        """The place that a URL names."""
        database = database_of(url)
        if not names_several(url):
            return cls("", database)
        return cls("cluster" if is_cluster(url) else "sentinel", database)


ALONE: Final = AclPlace()


# -- which scripts a role runs, and what it sends beside them ---------------------------------------

_OPERATE: Final = (
    "bury", "cancel", "delete", "drain", "import_jobs", "pause", "purge_index", "purge_ready",
    "purge_tenant", "remove", "remove_group", "remove_parts", "resume", "retry", "set_tenant",
)  # fmt: skip
"""What workers have no need of; all else they may send, or a handler may."""
_PRODUCE: Final = ("announce", "enqueue", "open_group", "seal_group")
_READ_ONLY: Final = re.compile(r"^#!lua flags=.*\bno-writes\b")

_LOOK: Final = ("hgetall", "hget", "smembers", "time", "xread", "xrevrange", "zrange")
"""Lists, the live view, following failures, completing words."""
_DURABLE: Final = ("exists", "pexpire", "wait", "waitaof")
_BESIDE: Final = {
    TenantRole.ALL: (*_LOOK, *_DURABLE, "blpop", "set", "srem"),
    TenantRole.WORKER: (*_LOOK, *_DURABLE, "blpop"),
    TenantRole.PRODUCER: (*_LOOK, *_DURABLE),
    TenantRole.READER: _LOOK,
}
_SEVERAL: Final = {"": (), "sentinel": ("role",), "cluster": ("asking", "cluster|slots")}

_CALL: Final = re.compile(r"\bp?call\('([A-Z]+)'(?:, '([A-Z]+)')?")
_CHOSEN: Final = re.compile(r"\band '([A-Z]{4,})' or '([A-Z]{4,})'")
"""A command that a script chooses by a condition."""
_FAMILIES: Final = frozenset({"MEMORY", "XGROUP", "XINFO"})
"""Commands of which the second word is a part."""

_PRODUCERS_WRITES: Final = (
    (("xadd", "xack", "xdel"), (*LEVELS, "?@*")),
    (("xgroup|create",), ("?@*",)),
    (("hset",), ("jobs", "moved", "ring")),
    (("zadd",), ("due", "tenants")),
    (("set", "pexpire"), ("producer:*", "unique:*")),
    (("hincrby",), ("meta", "stats", "t:*", "tenants:sums")),
    (("expire",), ("t:*",)),
    (("rpush",), ("wake",)),
    (("rpush", "lpush"), ("ring:?",)),
    (("hset", "hdel", "pexpire"), ("group:*",)),
    (("zadd", "zrem"), ("groups",)),
)
"""What an enqueue writes, and where: not into leases, orders to workers, dead letters or results."""


@cache
def commands_of(verb: str) -> frozenset[str]:
    """The commands that a script may call, as ACL rules name them, such as ``xinfo|groups``."""
    source = script(verb).source
    found = {word for pair in _CHOSEN.findall(source) for word in pair}
    for name, sub in _CALL.findall(source):
        found.add(f"{name}|{sub}" if name in _FAMILIES else name)
    return frozenset(word.lower() for word in found)


def scripts_of(role: TenantRole) -> tuple[str, ...]:
    """The scripts that a role runs."""
    reading = [name for name in script_names() if _READ_ONLY.match(script(name).source)] + ["probe"]
    return {
        TenantRole.ALL: tuple(script_names()),
        TenantRole.WORKER: tuple(name for name in script_names() if name not in _OPERATE),
        TenantRole.PRODUCER: tuple(sorted({*_PRODUCE, *reading})),
        TenantRole.READER: tuple(sorted(reading)),
    }[role]


def script_sources() -> list[str]:
    """The text of all scripts, for ``SCRIPT LOAD``."""
    return [script(name).source for name in script_names()]


def acl_rules(
    namespace: str, role: TenantRole, place: AclPlace = ALONE, *, own_scripts: bool = True
) -> list[str]:
    """The rules of ``ACL SETUSER``, behind the user's name, in order; no password is among them.

    They take away what the user could do before, and keep its passwords. ``own_scripts=False``: without EVAL,
    so no Lua but ours can run; it then has to be loaded by somebody else, after each restart too.
    Raises: InvalidName.
    """
    commands = {name for verb in scripts_of(role) for name in commands_of(verb)}
    commands |= {*_BESIDE[role], *_SEVERAL[place.several], "evalsha", *(["eval"] if own_scripts else [])}
    if place.database:
        commands.add(f"select|{place.database}")
    rules = ["on", "resetkeys", "resetchannels", "clearselectors", "-@all"]
    keys = [f"~taskq:{{{namespace}/*", f"~{queues_key(namespace)}"]
    if role is not TenantRole.PRODUCER:
        return [*rules, *keys, *_granted(commands)]
    bound = {command for some, _ in _PRODUCERS_WRITES for command in some} | {"sadd"}
    return [*rules, *keys, *_granted(commands - bound), *_selectors(namespace)]


def _granted(commands: Iterable[str]) -> list[str]:
    return [f"+{command}" for command in sorted(commands)]


def _selectors(namespace: str) -> list[str]:
    root = f"~taskq:{{{namespace}/*}}:"
    found = [
        _selector([root + suffix for suffix in suffixes], commands)
        for commands, suffixes in _PRODUCERS_WRITES
    ]
    return [*found, _selector([f"~{queues_key(namespace)}"], ["sadd"])]


def _selector(keys: Sequence[str], commands: Sequence[str]) -> str:
    return f"({' '.join([*keys, *_granted(commands)])})"
