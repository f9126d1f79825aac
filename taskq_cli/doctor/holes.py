"""Known holes of servers, by version. Distributions often fix them without changing the version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Hole:
    """``fixed``: the first version without it, by series, for each kind of server. ``tls``: only with TLS."""

    name: str
    what: str
    fixed: Mapping[str, Mapping[str, str]]
    tls: bool = False


HOLES: Final = (
    Hole(
        "CVE-2025-49844 and CVE-2025-46818",
        "who may run scripts may run any code on the server's machine, or act as another of its users",
        {
            "redis": {"7.2": "7.2.11", "7.4": "7.4.6", "8.0": "8.0.4", "8.2": "8.2.2"},
            "valkey": {"7.2": "7.2.11", "8.0": "8.0.6", "8.1": "8.1.4"},
        },
    ),
    Hole(
        "CVE-2026-81934",
        "who can reach its TLS port may run any code on the server's machine",
        {
            "redis": {
                "7.2": "7.2.16", "7.4": "7.4.11", "8.2": "8.2.9", "8.4": "8.4.6", "8.6": "8.6.6",
                "8.8": "8.8.2", "8.10": "8.10.1",
            },
        },
        tls=True,
    ),
    Hole(
        "CVE-2026-56684",
        "who may end connections over TLS (CLIENT KILL) may run any code on the server's machine",
        {"valkey": {"7.2": "7.2.14", "8.0": "8.0.10", "8.1": "8.1.9", "9.0": "9.0.5", "9.1": "9.1.1"}},
        tls=True,
    ),
)  # fmt: skip
"""From the projects' release notes. A series that is older than all of these was never fixed."""


def holes_of(kind: str, version: str, *, tls: bool) -> Iterator[tuple[Hole, str]]:
    """The holes of a server's version, and the version in which each is closed."""
    number = parsed(version)
    for hole in HOLES:
        fixed = hole.fixed.get(kind, {})
        if not fixed or not number or (hole.tls and not tls):
            continue
        own = fixed.get(".".join(map(str, number[:2])))
        if own is not None:
            if number < parsed(own):
                yield hole, own
        elif number < min(map(parsed, fixed.values())):
            yield hole, min(fixed.values(), key=parsed)
        elif number < max(map(parsed, fixed.values())):
            yield hole, max(fixed.values(), key=parsed)


def parsed(version: str) -> Version:
    """The numbers of a version; empty when it begins with none."""
    match = re.match(r"\d+(\.\d+){0,3}", version)
    return tuple(map(int, match[0].split("."))) if match else ()
