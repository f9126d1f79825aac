"""What a URL of several hosts names: a service that sentinels watch, or the nodes of a cluster. Pure.

    redis+sentinel://user:password@host:26379,host2:26379/SERVICE/DB
    redis+cluster://user:password@host:6379,host2:6379

With `rediss+…` all connections are secured. User, password and options are those of the servers; sentinels
that want a password of their own are given it by the options `sentinel_user` and `sentinel_password`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

from taskq_core.address import SEVERAL, check_url, hosts_of
from taskq_core.errors import UsageError

Node = tuple[str, int]
"""Host and port."""
T = TypeVar("T")
SENTINEL_PORT: Final = 26_379
CLUSTER_PORT: Final = 6_379
_LOOKS: Final = {
    "sentinel": "redis+sentinel://user:password@host:26379,host2:26379/mymaster/0",
    "cluster": "redis+cluster://user:password@host:6379,host2:6379",
}


@dataclass(frozen=True, slots=True)
class Topology:
    """Several hosts. ``service``: the name by which sentinels know the primary; empty in a cluster."""

    seeds: Sequence[Node]
    service: str
    _scheme: str = field(repr=False)
    _user: str = field(repr=False)
    _database: str = field(repr=False)
    _query: str = field(repr=False)
    _sentinel_user: str = field(repr=False)

    def server_url(self, node: Node) -> str:
        """The URL of one server."""
        path = f"/{self._database}" if self._database else ""
        return f"{self._scheme}://{self._user}{_netloc(node)}{path}{self._query}"

    def sentinel_url(self, node: Node) -> str:
        """The URL of one sentinel: it has a user of its own, and no databases."""
        return f"{self._scheme}://{self._sentinel_user}{_netloc(node)}{self._query}"


def topology(url: str) -> Topology:
    """What a URL of several hosts names. Raises: UsageError; the message holds no password."""
    kind = "cluster"
    try:
        parts = urlsplit(check_url(url))
        kind = parts.scheme.partition("+")[2]
        return _sentinels(parts) if kind == "sentinel" else _cluster(parts)
    except ValueError:
        raise UsageError(
            "the server URL cannot be read",
            hint=f"It looks like {_LOOKS[kind]}; in a password, / # ? @ are %2F %23 %3F %40",
        ) from None


def _sentinels(parts: SplitResult) -> Topology:
    service, _, database = parts.path.strip("/").partition("/")
    if not service or parts.fragment or (database and not database.isdigit()):
        raise ValueError
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    user, password = query.pop("sentinel_user", ""), query.pop("sentinel_password", "")
    guard = f"{quote(user, safe='')}:{quote(password, safe='')}@" if password else ""
    return Topology(
        seeds=tuple(hosts_of(parts, SENTINEL_PORT)),
        service=service,
        _scheme=SEVERAL[parts.scheme],
        _user=_user(parts),
        _database=database,
        _query=f"?{urlencode(query)}" if query else "",
        _sentinel_user=guard,
    )


def _cluster(parts: SplitResult) -> Topology:
    if parts.path.strip("/") not in ("", "0") or parts.fragment:
        raise ValueError
    query = f"?{parts.query}" if parts.query else ""
    return Topology(
        tuple(hosts_of(parts, CLUSTER_PORT)), "", SEVERAL[parts.scheme], _user(parts), "", query, ""
    )


def _user(parts: SplitResult) -> str:
    user, at, _ = parts.netloc.rpartition("@")
    return user + at


def _netloc(node: Node) -> str:
    host, port = node
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class ByNode(dict[Node, T]):
    """What there is for each node: made when a node is first met."""

    def __init__(self, make: Callable[[Node], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, node: Node) -> T:
        return self.setdefault(node, self._make(node))
