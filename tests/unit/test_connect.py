"""URLs and errors of the server: credentials are never shown, and each refusal has a type of its own."""

from __future__ import annotations

import traceback

import pytest
from redis import exceptions as rx

from taskq_core import (
    AccessDenied,
    AsyncClient,
    Client,
    InvalidPayload,
    KeyConflict,
    QueueFull,
    ServerError,
    ServerFull,
    ServerTooOld,
    ServerUnreachable,
    TaskqError,
    UsageError,
    shown_url,
)
from taskq_core.connect import connect, connect_async
from taskq_core.meaning import Patience, passing, translate

SECRET = "s3cret"
URLS = {
    f"redis://:{SECRET}@host:6379/0": "redis://host:6379/0",
    f"redis://user:{SECRET}@host": "redis://host",
    f"rediss://{SECRET}@host:1/2?password={SECRET}&x=1": "rediss://host:1/2",
    f"unix://user:{SECRET}@/run/s?password={SECRET}": "unix:///run/s",
    f"redis://u:p%40{SECRET}@[::1]:6379": None,
    "redis://localhost": "redis://localhost",
}
UNREADABLE = [
    f"redis://:{SECRET}/x@host:6379",
    f"redis://user:{SECRET}#x@host",
    f"redis://user:{SECRET}@host:port",
    f"redis://user:{SECRET}@[host",
    f"redis://user:{SECRET}@host?timeout={SECRET}",
    f"redis://user:{SECRET}@host?protocol=nine",
    f"redis://user:{SECRET}@host?protocol=9",
    f"http://user:{SECRET}@host",
    f"user:{SECRET}@host",
    "",
    "localhost:6379",
]


@pytest.mark.parametrize(("url", "shown"), URLS.items())
def test_a_url_is_shown_without_its_credentials(url: str, shown: str | None) -> None:
    assert SECRET not in shown_url(url)
    if shown is not None:
        assert shown_url(url) == shown


@pytest.mark.parametrize("make", [connect, connect_async, Client, AsyncClient])
@pytest.mark.parametrize("url", UNREADABLE)
def test_a_url_that_cannot_be_used_is_refused_without_its_credentials(url: str, make: type[Client]) -> None:
    with pytest.raises(UsageError) as refused:
        make(url)

    assert SECRET not in str(refused.value) + refused.value.hint + shown_url(url)
    assert SECRET not in "".join(traceback.format_exception(refused.value))


MEANINGS: list[tuple[BaseException, type[TaskqError]]] = [
    (rx.ConnectionError("Error 111 connecting to host:6379."), ServerUnreachable),
    (rx.TimeoutError("Timeout reading from socket"), ServerUnreachable),
    (OSError(104, "Connection reset by peer"), ServerUnreachable),
    (rx.BusyLoadingError("Redis is loading the dataset in memory"), ServerUnreachable),
    (rx.ReadOnlyError("You can't write against a read only replica."), ServerUnreachable),
    (rx.ResponseError("BUSY Redis is busy running a script."), ServerUnreachable),
    (rx.ResponseError("UNBLOCKED force unblock from blocking operation"), ServerUnreachable),
    (rx.ResponseError("MASTERDOWN Link with MASTER is down"), ServerUnreachable),
    (rx.ResponseError("QUEUEFULL 10 8"), QueueFull),
    (rx.ResponseError("QUEUEFULL 10 8 script: abc, on @user_script:1."), QueueFull),
    (rx.ResponseError("TOOLARGE 2000000 1048576"), InvalidPayload),
    (rx.AuthenticationError("WRONGPASS invalid username-password pair"), AccessDenied),
    (rx.AuthenticationError("NOAUTH Authentication required."), AccessDenied),
    (rx.NoPermissionError("this user has no permissions to run the 'evalsha' command"), AccessDenied),
    (
        rx.ResponseError("ACL failure in script: User x has no permissions to run the 'xadd' command"),
        AccessDenied,
    ),
    (rx.ResponseError("The user executing the script can't run this command or subcommand"), AccessDenied),
    (rx.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), ServerFull),
    (rx.ResponseError("OOM command not allowed when used memory > 'maxmemory'. script: x"), ServerFull),
    (
        rx.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value script: x"),
        KeyConflict,
    ),
    (
        rx.ResponseError("Error compiling script (new function): user_script:1: unexpected symbol near '#'"),
        ServerTooOld,
    ),
    (rx.ResponseError("ERR something nobody expects"), ServerError),
    (rx.DataError("Invalid input of type"), ServerError),
]


@pytest.mark.parametrize(("error", "meaning"), MEANINGS, ids=[f"{m.__name__}: {e}"[:50] for e, m in MEANINGS])
def test_an_error_of_the_server_has_one_meaning(error: BaseException, meaning: type[TaskqError]) -> None:
    translated = translate(error, f"redis://user:{SECRET}@host:6379/0?password={SECRET}", "emails")

    assert type(translated) is meaning
    assert SECRET not in str(translated) + translated.hint
    assert passing(error) is (meaning is ServerUnreachable)


def test_a_full_queue_says_which_how_much_and_how_deep() -> None:
    full = translate(rx.ResponseError("QUEUEFULL 10 8"), "redis://host", "emails")

    assert isinstance(full, QueueFull)
    assert (full.queue, full.limit, full.depth) == ("emails", 10, 8)


def test_patience_grows_its_pauses_and_ends_with_the_deadline() -> None:
    patience = Patience(1000)
    pauses = [patience.pause(rx.ConnectionError()) for _ in range(12)]

    assert all(pause is not None and 0 < pause <= 1.0 for pause in pauses)
    assert (pauses[0] or 1) < 0.05 < (pauses[-1] or 0)
    assert Patience(0).pause(rx.ConnectionError()) is None
    assert Patience(1000).pause(rx.AuthenticationError()) is None
    assert Patience(1000).pause(rx.ResponseError("ERR no")) is None
