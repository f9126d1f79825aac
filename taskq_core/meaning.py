"""What the errors of connections and of the server mean, whoever raised them.

Those of redis-py are recognised without loading it: while it is not loaded, no error can be one of its.
"""

from __future__ import annotations

import random
import sys
from typing import Final

from taskq_core import errors
from taskq_core.address import shown_url
from taskq_core.clock import monotonic
from taskq_core.handshake import advice, refusal
from taskq_core.link import ReplyError

_LATER: Final = ("LOADING", "BUSY ", "TRYAGAIN", "MASTERDOWN", "CLUSTERDOWN", "READONLY", "UNBLOCKED")
_NOT_LOADED: Final = (
    "This user runs loaded scripts only, and the server has lost them: an administrator loads them by "
    "taskq tenant acl NAMESPACE --no-eval --apply"
)
_LATER_OF_REDIS_PY: Final = ("BusyLoadingError", "ReadOnlyError", "ClusterDownError", "TryAgainError")


def foreign() -> tuple[type[Exception], ...]:
    """What connections raise, for `except`: to be translated before a caller sees it."""
    redis = sys.modules.get("redis.exceptions")
    return (OSError, ReplyError) if redis is None else (OSError, ReplyError, redis.RedisError)


def answered(error: BaseException) -> bool:
    """Whether the server answered, with an error: the connection is as good as before."""
    return isinstance(error, ReplyError) or _is(error, "ResponseError")


def misplaced(error: BaseException) -> bool:
    """Whether a server answered that it is no primary any more: another one is to be found."""
    return str(error).startswith(("READONLY", "UNBLOCKED")) or _is(error, "ReadOnlyError")


def unknown_script(error: BaseException) -> bool:
    """Whether the server does not know a script yet, or no longer."""
    return str(error).startswith("NOSCRIPT") or _is(error, "NoScriptError")


def passing(error: BaseException) -> bool:
    """Whether the same call may succeed later: no connection, no answer, or a server that is not ready."""
    if _is(error, "AuthenticationError", "AuthorizationError") or refusal(str(error)):
        return False
    if isinstance(error, OSError) or _is(error, "ConnectionError", "TimeoutError"):
        return True
    return answered(error) and (str(error).startswith(_LATER) or _is(error, *_LATER_OF_REDIS_PY))


def translate(error: BaseException, url: str, queue: str = "") -> errors.TaskqError:
    """The error of ours that a foreign one means."""
    said = str(error)
    where = shown_url(url)
    if passing(error):
        return errors.ServerUnreachable(
            f"no answer from {where}: {said or type(error).__name__}",
            hint=f"{advice(url)} Repeating the call is safe",
        )
    if refused := refusal(said):
        return errors.NotTrusted(f"no connection to {where}: {refused[0]}", hint=refused[1])
    return _of_script(said, queue) or _of_server(error, said, where)


def _of_script(said: str, queue: str) -> errors.TaskqError | None:
    """What a script of ours refused; None for other errors."""
    word, _, rest = said.partition(" ")
    if word == "QUEUEFULL":
        return queue_full(rest, queue)
    if word == "TENANTFULL":
        limit, depth, tenant = rest.split()[:3]
        return errors.TenantFull(queue, tenant, int(limit), int(depth))
    if word == "GROUPCLOSED":
        return _closed_group(queue, rest)
    if word == "DRAINING":
        return errors.QueueDraining(queue)
    if word == "MALFORMED":
        return errors.InvalidOption(f"the server refused the call: {rest.partition(' script:')[0]}")
    if word == "TOOLARGE":
        return errors.InvalidPayload(f"{rest.split()[0]} bytes are over the server side limit")
    return None


def _closed_group(queue: str, said: str) -> errors.TaskqError:
    group, members = said.split()[:2]
    return errors.Refused(
        f"group {queue}/{group} takes no more members: it has {members}, and is closed",
        hint="Take another id, or look at it with: taskq group show",
    )


def queue_full(rest: str, queue: str) -> errors.QueueFull:
    """The error that the words behind ``QUEUEFULL`` mean."""
    limit, depth, *unit = rest.split()[:3]
    return errors.QueueFull(queue, int(limit), int(depth), "bytes" if unit == ["bytes"] else "jobs")


def _of_server(error: BaseException, said: str, where: str) -> errors.TaskqError:
    lower = said.lower()
    if _is(error, "AuthenticationError", "NoPermissionError", "AuthorizationError") or (
        lower.startswith(("noauth", "noperm", "wrongpass"))
        or "acl failure" in lower
        or "the user executing the script can't" in lower
    ):
        return errors.AccessDenied(
            f"{where} denies access: {said}",
            hint=_NOT_LOADED if "'eval'" in lower else "Check user, password and ACL rules",
        )
    if _is(error, "OutOfMemoryError") or lower.startswith("oom") or "allow-oom" in lower:
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


def _is(error: BaseException, *names: str) -> bool:
    redis = sys.modules.get("redis.exceptions")
    return redis is not None and isinstance(error, tuple(getattr(redis, name) for name in names))
