"""Connections to the server, and what its errors mean.

redis-py repeats every command by itself, writes included; here nothing is repeated that is not asked
to be, because only the caller knows what may arrive twice.
"""

from __future__ import annotations

import random
from typing import Any, Final
from urllib.parse import urlsplit

import redis
import redis.asyncio
from redis import exceptions as rx
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from taskq_core import config, errors
from taskq_core.clock import monotonic

FOREIGN = (rx.RedisError, OSError)
"""What redis-py raises: always translated before it reaches a caller."""

_SCHEMES: Final = ("redis", "rediss", "unix")
_LATER: Final = ("LOADING", "BUSY ", "TRYAGAIN", "MASTERDOWN", "CLUSTERDOWN", "READONLY", "UNBLOCKED")


def check_url(url: str) -> str:
    """The URL itself. Raises: UsageError; the message holds no password."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    if scheme not in _SCHEMES:
        raise errors.UsageError(
            f"a server URL begins with {', '.join(s + '://' for s in _SCHEMES)}",
            hint="For example redis://localhost:6379/0",
        )
    return url


def shown_url(url: str) -> str:
    """The URL without its password and query: what may be printed."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(unreadable URL)"
    if parts.scheme not in _SCHEMES:
        return "(unreadable URL)"  # its parts may be anything, such as a password
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _options(reply_timeout: float) -> dict[str, Any]:
    return {
        "socket_timeout": reply_timeout,
        "socket_connect_timeout": min(reply_timeout, config.CONNECT_TIMEOUT_S),
        "health_check_interval": 0,
        # no CLIENT SETINFO: two round trips less for each short command
        "driver_info": None,
    }


def _with_protocol(url: str, options: dict[str, Any]) -> dict[str, Any]:
    # scripts answer alike in both protocols; RESP2 saves the handshake, and a URL may ask for 3
    return options if "protocol=" in url else {**options, "protocol": 2}


def connect(url: str, reply_timeout: float = config.REPLY_TIMEOUT_S) -> redis.Redis:
    """A sync client of redis-py; connects on first use. Raises: UsageError."""
    options = _with_protocol(check_url(url), _options(reply_timeout))
    try:
        client = redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options)
        pool: Any = client.connection_pool
        pool.make_connection()  # connects to nothing; refuses unknown options
    except (ValueError, TypeError, rx.RedisError):
        raise _unreadable() from None
    return client


def connect_async(url: str, reply_timeout: float = config.REPLY_TIMEOUT_S) -> redis.asyncio.Redis:
    """An asyncio client of redis-py; connects on first use. Raises: UsageError."""
    options = _with_protocol(check_url(url), _options(reply_timeout))
    try:
        client = redis.asyncio.Redis.from_url(url, retry=AsyncRetry(NoBackoff(), 0), **options)
        pool: Any = client.connection_pool
        pool.make_connection()
    except (ValueError, TypeError, rx.RedisError):
        raise _unreadable() from None
    return client


def _unreadable() -> errors.UsageError:
    # what redis-py says of it may quote the password
    return errors.UsageError(
        "the server URL cannot be read",
        hint="It looks like redis://user:password@host:6379/0; in a password, / # ? @ are %2F %23 %3F %40",
    )


def passing(error: BaseException) -> bool:
    """Whether the same call may succeed later: no connection, no answer, or a server that is not ready."""
    if isinstance(error, (rx.AuthenticationError, rx.AuthorizationError)):
        return False
    if isinstance(error, (rx.ConnectionError, rx.TimeoutError, OSError)):
        return True
    return isinstance(error, rx.ResponseError) and (
        isinstance(error, (rx.BusyLoadingError, rx.ReadOnlyError)) or str(error).startswith(_LATER)
    )


def translate(error: BaseException, url: str, queue: str = "") -> errors.TaskqError:
    """The error of ours that a foreign one means."""
    said = str(error)
    where = shown_url(url)
    if passing(error):
        return errors.ServerUnreachable(
            f"no answer from {where}: {said or type(error).__name__}",
            hint="Is the server running, and the URL right? Repeating the call is safe",
        )
    word, _, rest = said.partition(" ")
    if word == "QUEUEFULL":
        limit, depth = rest.split()[:2]
        return errors.QueueFull(queue, int(limit), int(depth))
    if word == "TOOLARGE":
        return errors.InvalidPayload(f"{rest.split()[0]} bytes are over the server side limit")
    return _of_server(error, said, where)


def _of_server(error: BaseException, said: str, where: str) -> errors.TaskqError:
    lower = said.lower()
    if isinstance(error, (rx.AuthenticationError, rx.NoPermissionError, rx.AuthorizationError)) or (
        lower.startswith(("noauth", "noperm", "wrongpass"))
        or "acl failure" in lower
        or "can't run this command" in lower
    ):
        return errors.AccessDenied(
            f"{where} denies access: {said}", hint="Check user, password and ACL rules"
        )
    if isinstance(error, rx.OutOfMemoryError) or lower.startswith("oom") or "allow-oom" in lower:
        return errors.ServerFull(
            f"{where} is full (maxmemory)",
            hint="Workers go on draining; enqueue again later, or raise maxmemory",
        )
    if "wrongtype" in lower or "wrong kind of value" in lower:
        return errors.KeyConflict(
            f"a key of taskq on {where} holds another type: {said}",
            hint="Another program writes under 'taskq:'; use another namespace or database",
        )
    if "compiling script" in lower or "unexpected symbol near '#'" in lower:
        return errors.ServerTooOld(
            f"{where} is too old", hint="taskq needs Redis 7.0 or Valkey 7.2, or later"
        )
    return errors.ServerError(f"{where} answered: {said}")


class Patience:
    """How long a call is repeated: with growing, jittered pauses, until its deadline."""

    def __init__(self, deadline_s: float) -> None:
        self._end = monotonic() + deadline_s
        self._pause = 0.02

    def pause(self, error: BaseException) -> float | None:
        """Seconds to wait before the call is repeated; None: give up."""
        left = self._end - monotonic()
        if not passing(error) or left <= 0:
            return None
        pause = self._pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter needs no secrecy
        self._pause = min(1.0, self._pause * 2)
        return min(pause, left)
