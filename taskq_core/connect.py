"""Connections of redis-py to the server.

redis-py repeats every command by itself, writes included; here nothing is repeated that is not asked
to be, because only the caller knows what may arrive twice.
"""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio
from redis import exceptions as rx
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from taskq_core import config, errors
from taskq_core.address import check_url
from taskq_core.handshake import check_files


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
    check_files(check_url(url))
    options = _with_protocol(url, _options(reply_timeout))
    try:
        client = redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options)
        pool: Any = client.connection_pool
        pool.make_connection()  # connects to nothing; refuses unknown options
    except (ValueError, TypeError, rx.RedisError):
        raise _unreadable() from None
    return client


def connect_async(url: str, reply_timeout: float = config.REPLY_TIMEOUT_S) -> redis.asyncio.Redis:
    """An asyncio client of redis-py; connects on first use. Raises: UsageError."""
    check_files(check_url(url))
    options = _with_protocol(url, _options(reply_timeout))
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
