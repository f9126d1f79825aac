"""The two clients are twins: the same verbs, arguments, defaults and results."""

from __future__ import annotations

import inspect
from typing import Any, get_type_hints

import pytest

import taskq_core
from taskq_core import AsyncClient, Client

ONLY_THEIR_OWN = {"__enter__", "__exit__", "__aenter__", "__aexit__"}


def verbs(client: type) -> dict[str, Any]:
    return {
        name: member
        for part in client.__mro__[:3]  # itself, what adds jobs, what calls the server
        for name, member in vars(part).items()
        if inspect.isfunction(member) and (not name.startswith("_") or name == "__init__")
    }


def test_both_clients_have_the_same_verbs() -> None:
    assert verbs(Client).keys() == verbs(AsyncClient).keys()
    assert len(verbs(Client)) > 20


@pytest.mark.parametrize("verb", sorted(verbs(Client)))
def test_a_verb_takes_and_returns_the_same_in_both(verb: str) -> None:
    sync, asynchronous = verbs(Client)[verb], verbs(AsyncClient)[verb]

    assert str(inspect.signature(sync)) == str(inspect.signature(asynchronous))
    assert inspect.iscoroutinefunction(asynchronous) is (verb != "__init__")
    assert not inspect.iscoroutinefunction(sync)


@pytest.mark.parametrize("verb", sorted(name for name in verbs(Client) if name != "__init__"))
def test_a_verb_is_described_in_both_and_its_types_are_known(verb: str) -> None:
    for client in (Client, AsyncClient):
        assert inspect.getdoc(getattr(client, verb))
        # what a client imports late is public: its hints name it
        public = {name: getattr(taskq_core, name) for name in taskq_core.__all__}
        assert "return" in get_type_hints(getattr(client, verb), localns=public)
