"""Finding an application: each form of its name, and an answer for each that leads nowhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskq_core import UsageError
from taskq_core.apps import load_queues

APP = """
from taskq_core import TaskQueue

mails = TaskQueue("mails", redis="redis://unused")
files = TaskQueue("files", redis="redis://unused")
both = [mails, files]
nothing = []
mixed = [mails, 7]
number = 7

@mails.process("send")
def send(job): ...
"""
MORE = """
from taskq_core import TaskQueue

mails = TaskQueue("mails", redis="redis://unused", max_jobs=5)

@mails.every("1h")
@mails.process("{task}", max_running=2)
def another(job): ...
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with applications, which nobody can import afterwards."""
    (tmp_path / "package").mkdir()
    for name, source in {
        "app_one.py": APP,
        "package/__init__.py": "",
        "package/app_two.py": MORE.format(task="other"),
        "app_three.py": MORE.format(task="send"),
        "app_broken.py": "import nowhere_at_all",
        "app_empty.py": "",
        "app_wrong.py": "1 / 0",
    }.items():
        (tmp_path / name).write_text(source)
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("app", "names"),
    [
        ("app_one:mails", ["mails"]),
        ("app_one:both", ["mails", "files"]),
        ("app_one", ["mails", "files"]),
        ("app_one:", ["mails", "files"]),
        ("app_one.py", ["mails", "files"]),
        ("app_one.py:files", ["files"]),
        ("package.app_two:mails", ["mails"]),
        ("package/app_two.py", ["mails"]),
    ],
)
def test_an_app_is_named_by_module_file_queue_or_list(app: str, names: list[str]) -> None:
    assert [queue.name for queue in load_queues([app])] == names


def test_tasks_of_one_queue_in_several_apps_are_put_together() -> None:
    (queue,) = load_queues(["app_one", "package.app_two"], only=["mails"])

    assert sorted(queue.handlers) == ["other", "send"]


def test_so_are_what_their_code_says_of_limits_and_their_schedules() -> None:
    (queue,) = load_queues(["app_one", "package.app_two"], only=["mails"])

    assert queue.settings == {"max_jobs": 5, "max_running:other": 2}
    assert list(queue.schedules) == ["other"]
    assert load_queues(["app_one"], only=["mails"])[0].settings == {}


def test_where_two_say_different_limits_the_first_counts(folder: Path) -> None:
    (folder / "app_four.py").write_text(MORE.format(task="fourth").replace("max_jobs=5", "max_jobs=7"))

    for apps, most in ((["package.app_two", "app_four"], 5), (["app_four", "package.app_two"], 7)):
        (queue,) = load_queues(apps)
        assert queue.settings["max_jobs"] == most


@pytest.mark.parametrize(
    ("apps", "only", "message"),
    [
        (["nowhere"], [], "no module 'nowhere'"),
        (["nowhere.py"], [], "no module"),
        (["package.nowhere:x"], [], "no module"),
        (["app_one:nobody"], [], "no 'nobody'"),
        (["app_one:number"], [], "no TaskQueue"),
        (["app_one:nothing"], [], "no TaskQueue"),
        (["app_one:mixed"], [], "no TaskQueue"),
        (["app_empty"], [], "no TaskQueue"),
        (["app_one"], ["sms"], "no queue 'sms'"),
        (["app_one", "app_three"], [], "'send' is registered twice"),
        ([""], [], "names no module"),
        ([":mails"], [], "names no module"),
        (["..app_one"], [], "names no module"),
        ([".app_one:mails"], [], "names no module"),
    ],
)
def test_an_app_that_leads_nowhere_is_refused(apps: list[str], only: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_queues(apps, only)


def test_a_refusal_offers_what_there_is() -> None:
    with pytest.raises(UsageError) as refused:
        load_queues(["app_one:mials"])

    assert "app_one:mails" in refused.value.hint


@pytest.mark.parametrize(
    ("app", "error"), [("app_broken", ModuleNotFoundError), ("app_wrong", ZeroDivisionError)]
)
def test_an_error_of_the_app_itself_is_not_hidden(app: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        load_queues([app])


def test_loading_twice_finds_the_same_and_leaves_the_apps_as_they_are() -> None:
    """A command loads to look, and a worker to work."""
    for _ in range(2):
        (queue,) = load_queues(["app_one:mails", "package.app_two"], ["mails"], [("echo", ["cat"])])
        assert sorted(queue.handlers) == ["echo", "other", "send"]

    (alone,) = load_queues(["app_one:mails"])
    assert list(alone.handlers) == ["send"]


def test_programs_need_no_app_but_a_queue() -> None:
    queues = load_queues([], ["mails", "files"], [("echo", ["cat", "-"])])

    assert [(queue.name, list(queue.handlers)) for queue in queues] == [
        ("mails", ["echo"]), ("files", ["echo"]),
    ]  # fmt: skip
    assert all(queue.handlers["echo"].is_async for queue in queues)
