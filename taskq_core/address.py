"""Server URLs: which there are, and what of one may be shown."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from taskq_core.errors import UsageError

_SCHEMES: Final = ("redis", "rediss", "unix")
SEVERAL: Final = {
    "redis+sentinel": "redis",
    "rediss+sentinel": "rediss",
    "redis+cluster": "redis",
    "rediss+cluster": "rediss",
}
"""Schemes that name several hosts, and the scheme of a single server behind each."""
_HOST: Final = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?")


def check_url(url: str) -> str:
    """The URL itself. Raises: UsageError; the message holds no password."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    if scheme not in _SCHEMES and scheme not in SEVERAL:
        raise UsageError(
            f"a server URL begins with {', '.join(s + '://' for s in _SCHEMES)}, redis+sentinel:// "
            "or redis+cluster://",
            hint="For example redis://localhost:6379/0",
        )
    return url


def names_several(url: str) -> bool:
    """Whether the URL is one of Sentinel or of a cluster, which name hosts with commas between them."""
    return "+" in url.partition(":")[0]


def is_cluster(url: str) -> bool:
    """Whether the queues behind the URL live on several servers."""
    return url.partition(":")[0].endswith("+cluster")


def hosts_of(parts: SplitResult, default_port: int) -> list[tuple[str, int]]:
    """The hosts and ports that a URL names. Raises: ValueError, whose text may hold anything."""
    found = []
    for word in parts.netloc.rpartition("@")[2].split(","):
        match = _HOST.fullmatch(word)
        if match is None or not 0 < int(match["port"] or default_port) < 65_536:
            raise ValueError(word)
        found.append((match["host"].strip("[]"), int(match["port"] or default_port)))
    return found


def database_of(url: str) -> int:
    """The number of the database that a URL names, in its path or as ``db=``; 0 without."""
    parts = urlsplit(url)
    path = "" if parts.scheme == "unix" else parts.path.strip("/")
    if parts.scheme.endswith("+sentinel"):
        path = path.partition("/")[2]  # behind the name of the service
    asked = parse_qs(parts.query).get("db", [path])[0]
    return int(asked) if asked.isdigit() else 0


def holds_password(url: str) -> bool:
    """Whether a password stands in the URL."""
    try:
        parts = urlsplit(url)
        return bool(parts.password) or "password=" in parts.query
    except ValueError:
        return False


def shown_url(url: str) -> str:
    """The URL without its password and query: what may be printed."""
    try:
        parts = urlsplit(url)
        if parts.scheme in SEVERAL:
            hosts_of(parts, 1)  # what is no host may be a password
            return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(unreadable URL)"
    if parts.scheme not in _SCHEMES:
        return "(unreadable URL)"  # its parts may be anything, such as a password
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
