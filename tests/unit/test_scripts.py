"""The Lua scripts against their headers: what a header names is what the body uses."""

from __future__ import annotations

import re

import pytest

from taskq_core.scripts import script, script_names
from tests.processes import ROOT

LUA = ROOT / "taskq_core" / "lua"
VERBS = script_names()
DRAIN = {
    "claim",
    "ack",
    "fail",
    "promote",
    "heartbeat",
    "reclaim",
    "release",
    "adopt",
    "register",
    "retire",
    "pending",
    "watch",
}
SCANS = r"['\"](KEYS|SCAN|HSCAN|SSCAN|ZSCAN|RANDOMKEY|FLUSHALL|FLUSHDB|EVAL|FUNCTION|SORT|SMEMBERS)['\"]"
READS = {"inspect", "snapshot", "states", "outcomes", "audit", "place", "notes"}
READS |= {verb for verb in VERBS if verb.startswith("list")}


def text(verb: str) -> str:
    return (LUA / f"{verb}.lua").read_text()


def header(verb: str) -> str:
    """The comment at the top, without its marks."""
    lines = text(verb).splitlines()[1:]
    comment = []
    for line in lines:
        if not line.startswith("-- ") or line.startswith("--#"):
            break
        comment.append(line.removeprefix("-- "))
    return "\n".join(comment)


def section(verb: str, name: str) -> str:
    """What the header says after ``name``, up to the next section."""
    found = re.search(
        rf"^{name}:? (.*?)(?=^(?:KEYS|ARGV|Reply)\b|\Z)", header(verb), re.DOTALL | re.MULTILINE
    )
    return found[1] if found else ""


def named(verb: str, name: str) -> tuple[int, bool]:
    """The highest number that the header names in a section, and whether any number may follow."""
    said = section(verb, name)
    numbers = [int(n) for n in re.findall(r"(?:^|\|\s*|-|\n\s+)(\d+)(?=[ .-])", said)]
    return max(numbers, default=0), ".." in said or "then" in said or not numbers


def body(verb: str) -> str:
    lines = text(verb).splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))


def used(verb: str, name: str) -> set[int]:
    return {int(n) for n in re.findall(rf"{name}\[(\d+)\]", body(verb))}


@pytest.mark.parametrize("verb", VERBS)
def test_a_header_names_keys_arguments_and_reply(verb: str) -> None:
    assert text(verb).startswith("#!lua")
    assert section(verb, "KEYS")
    assert section(verb, "Reply")
    assert bool(section(verb, "ARGV")) is ("ARGV" in body(verb))


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", ["KEYS", "ARGV"])
def test_a_body_uses_what_its_header_names(verb: str, name: str) -> None:
    highest, open_ended = named(verb, name)
    numbers = used(verb, name)

    assert max(numbers, default=0) <= highest or (open_ended and not highest)
    computed = re.search(rf"{name}\[(?!\d+\])|unpack\({name}|#{name}|(?<!['\"]){name}[,)]", body(verb))
    if not computed:
        assert numbers == set(range(1, highest + 1))


@pytest.mark.parametrize("verb", VERBS)
def test_draining_goes_on_when_the_server_is_full_and_enqueueing_does_not(verb: str) -> None:
    shebang = text(verb).splitlines()[0]

    if verb in DRAIN:
        assert shebang == "#!lua flags=allow-oom"
    if verb in READS:
        assert "no-writes" in shebang
    if verb == "enqueue":
        assert shebang == "#!lua"


@pytest.mark.parametrize("verb", VERBS)
def test_no_script_walks_the_keyspace_or_names_a_key_itself(verb: str) -> None:
    source = script(verb).source

    assert not re.search(SCANS, source)
    assert "taskq:" not in source


@pytest.mark.parametrize("verb", VERBS)
def test_an_entry_is_acked_and_deleted_in_the_same_script(verb: str) -> None:
    source = script(verb).source

    assert ("'XGROUP', 'DELCONSUMER'" not in source) or "#pending == 0" in source
    assert "'FORCE'" not in source
    assert ("'XACK'" not in source) or ("'XDEL'" in source) or verb in {"adopt", "reclaim"}
    for stream in re.findall(r"'XADD', (\w+), 'MAXLEN'", source):
        assert stream in ("failures", "events")


@pytest.mark.parametrize("verb", VERBS)
def test_parts_are_put_in_where_a_script_uses_them_and_only_there(verb: str) -> None:
    source = script(verb).source
    parts = re.findall(r"^--#use (.+)$", text(verb), re.MULTILINE)

    assert "--#use" not in source
    for part in " ".join(parts).split():
        (function,) = re.findall(
            r"^local function (\w+)", (LUA / "parts" / f"{part}.lua").read_text(), re.MULTILINE
        )
        assert source.count(f"local function {function}(") == 1
        assert f"{function}(" in body(verb)
