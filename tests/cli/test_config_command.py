"""`taskq config`: each value with who says so, no password, and what is wrong with file and key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Taskq

SECRET = "s3cret"
FILE = f"""
url = "redis://:{SECRET}@shared:6379/0"
output = "json"

[profiles.prod]
url = "rediss://ops:{SECRET}@prod:6380/1"
namespace = "shop"
protected = true

[profiles.look]
url = "redis://prod:6379"
read_only = true
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration in the working directory."""
    (tmp_path / "taskq.toml").write_text(FILE)
    return tmp_path / "taskq.toml"


@pytest.fixture
def user_file(clean_home: Path) -> Path:
    """The user's own file, not written yet."""
    folder = clean_home / "config" / "taskq"
    folder.mkdir(parents=True)
    return folder / "config.toml"


def records(taskq: Taskq, *args: str, **env: str) -> list[dict[str, Any]]:
    done = taskq("config", *args, "-o", "ndjson", **env)
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout
    return [json.loads(line) for line in done.stdout.splitlines()]


def settings(taskq: Taskq, *args: str, **env: str) -> dict[str, tuple[Any, str]]:
    found = records(taskq, "show", *args, **env)
    return {record["setting"]: (record["value"], record["origin"]) for record in found}


def test_without_a_file_there_are_defaults_and_the_local_server(taskq: Taskq, clean_home: Path) -> None:
    found = settings(taskq)

    assert found["namespace"] == ("default", "default")
    url, origin = found["url"]
    assert (url[:7], url[-11:], origin) == ("unix://", "server.sock", "local server")
    assert not (clean_home / "state").exists()  # nothing was started


def test_each_value_is_shown_with_its_origin(taskq: Taskq, file: Path, user_file: Path) -> None:
    user_file.write_text('namespace = "mine"')
    found = settings(taskq, TASKQ_OUTPUT="wide")
    assert found["url"] == ("redis://shared:6379/0", "taskq.toml: url")
    assert found["namespace"] == ("mine", f"{user_file}: namespace")
    assert found["output"] == ("ndjson", "--output")

    found = settings(taskq, "-P", "prod", "--namespace", "other", TASKQ_REDIS_URL="redis://elsewhere")
    assert found["profile"] == ("prod", "--profile")
    assert found["url"] == ("rediss://prod:6380/1", "taskq.toml: profiles.prod.url")
    assert found["namespace"] == ("other", "--namespace")
    assert found["protected"] == (True, "taskq.toml: profiles.prod.protected")
    assert found["read_only"] == (False, "default")

    found = settings(taskq, TASKQ_PROFILE="prod", TASKQ_REDIS_URL="redis://elsewhere")
    assert found["profile"] == ("prod", "TASKQ_PROFILE")
    assert found["url"] == ("redis://elsewhere", "TASKQ_REDIS_URL")


def test_the_origin_is_a_column_when_it_is_asked_for(taskq: Taskq, file: Path) -> None:
    assert "url\tredis://shared:6379/0\n" in taskq("config", "show", "-o", "tsv").stdout
    shown = taskq("config", "show", "--origin", "-o", "tsv").stdout
    assert "url\tredis://shared:6379/0\ttaskq.toml: url\n" in shown


def test_the_files_are_named_the_one_that_wins_first(taskq: Taskq, file: Path, user_file: Path) -> None:
    assert records(taskq, "path") == [
        {"schema": "taskq.config-file/1", "path": str(file), "exists": True},
        {"schema": "taskq.config-file/1", "path": str(user_file), "exists": False},
    ]


def test_profiles_are_listed_without_their_passwords(taskq: Taskq, file: Path) -> None:
    found = {record["name"]: record for record in records(taskq, "profiles", "-P", "look")}

    assert found["prod"]["url"] == "rediss://prod:6380/1"
    assert (found["prod"]["protected"], found["look"]["read_only"]) == (True, True)
    assert [record["chosen"] for record in found.values()] == [False, True]
    assert taskq("config", "profiles", "-o", "name").stdout == "prod\nlook\n"


def test_a_valid_configuration_says_so(taskq: Taskq, file: Path) -> None:
    done = taskq("config", "validate", "-o", "name")

    assert (done.returncode, done.stdout) == (0, f"{file}\n")
    assert done.stderr == "taskq: the configuration is valid\n"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("url = ", "is not valid TOML"),
        ("url = 3", "taskq.toml: url"),
        ('colour = "red"', "unknown key 'colour'"),
        ('output = "xml"', "'xml'"),
        ('profile = "nowhere"', "'nowhere'"),
        ('url = "http://host"', "taskq.toml: url"),
        ('[profiles.prod]\nurl = "redis://host:port"', "taskq.toml: profiles.prod.url"),
        ('[profiles.prod]\nnamespace = "Not A Name"', "taskq.toml: profiles.prod.namespace"),
        ("[profiles.prod]\nprotectd = true", "profiles.prod.protectd"),
    ],
)
def test_what_cannot_be_right_is_named(taskq: Taskq, tmp_path: Path, text: str, place: str) -> None:
    (tmp_path / "taskq.toml").write_text(text)
    done = taskq("config", "validate")

    assert (done.returncode, done.stdout) == (2, "")
    assert place in done.stderr


def test_a_wrong_password_in_a_url_is_not_repeated(taskq: Taskq, tmp_path: Path) -> None:
    (tmp_path / "taskq.toml").write_text(f'url = "redis://:{SECRET}/@host"')
    for verb in ("show", "validate", "profiles"):
        done = taskq("config", verb)
        assert SECRET not in done.stdout + done.stderr
