"""Flag > TASKQ_* > ./taskq.toml > the user's file > default; and what is wrong there is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from taskq_cli.options import Shared
from taskq_cli.settings import ConfigurationError, load_settings
from taskq_core import InvalidName, UsageError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clean_home: Path) -> Path:
    """An empty working directory, with the user's configuration empty as well."""
    monkeypatch.chdir(tmp_path)
    for name in ("TASKQ_URL", "TASKQ_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def user_file(clean_home: Path) -> Path:
    """The user's own configuration file, not written yet."""
    folder = clean_home / "config" / "taskq"
    folder.mkdir(parents=True)
    return folder / "config.toml"


def url(shared: Shared | None = None) -> str | None:
    return load_settings(shared or Shared()).url


def test_without_anything_there_are_defaults(here: Path) -> None:
    found = load_settings(Shared())
    assert (found.url, found.namespace, found.output) == (None, "default", None)
    assert not found.read_only
    assert not found.protected


def test_each_source_gives_way_to_the_one_before(
    here: Path, user_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_file.write_text('url = "redis://user"')
    assert url() == "redis://user"
    (here / "taskq.toml").write_text('url = "redis://project"')
    assert url() == "redis://project"
    monkeypatch.setenv("TASKQ_REDIS_URL", "redis://environment")
    assert url() == "redis://environment"
    assert url(Shared(url="redis://flag")) == "redis://flag"


def test_the_url_has_two_names_in_the_environment(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKQ_URL", "redis://short")
    assert url() == "redis://short"
    monkeypatch.setenv("TASKQ_REDIS_URL", "redis://long")
    assert url() == "redis://long"


def test_other_values_come_from_environment_and_files_too(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASKQ_NAMESPACE", "from-env")
    monkeypatch.setenv("TASKQ_OUTPUT", "json")
    assert (load_settings(Shared()).namespace, load_settings(Shared()).output) == ("from-env", "json")
    (here / "taskq.toml").write_text('namespace = "from-file"\noutput = "csv"')
    assert (load_settings(Shared()).namespace, load_settings(Shared()).output) == ("from-env", "json")
    monkeypatch.delenv("TASKQ_NAMESPACE")
    monkeypatch.setenv("TASKQ_OUTPUT", "")
    assert (load_settings(Shared()).namespace, load_settings(Shared()).output) == ("from-file", "csv")
    assert load_settings(Shared(namespace="mine", output="tsv")).output == "tsv"


def test_a_profile_by_flag_beats_the_environment(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "taskq.toml").write_text(
        '[profiles.prod]\nurl = "redis://prod"\nnamespace = "shop"\nread_only = true'
    )
    monkeypatch.setenv("TASKQ_REDIS_URL", "redis://environment")
    found = load_settings(Shared(profile="prod"))
    assert (found.url, found.namespace, found.read_only, found.protected) == (
        "redis://prod",
        "shop",
        True,
        False,
    )
    assert url(Shared(profile="prod", url="redis://flag")) == "redis://flag"


def test_a_profile_named_elsewhere_gives_way_but_keeps_its_protection(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "taskq.toml").write_text(
        'profile = "prod"\n[profiles.prod]\nurl = "redis://prod"\nprotected = true'
    )
    assert url() == "redis://prod"
    monkeypatch.setenv("TASKQ_REDIS_URL", "redis://environment")
    assert url() == "redis://environment"
    assert load_settings(Shared()).protected


def test_profiles_of_both_files_are_known(here: Path, user_file: Path) -> None:
    user_file.write_text('[profiles.mine]\nurl = "redis://mine"')
    (here / "taskq.toml").write_text('[profiles.team]\nurl = "redis://team"')
    assert url(Shared(profile="mine")) == "redis://mine"
    assert url(Shared(profile="team")) == "redis://team"


def test_an_unknown_key_is_named_with_its_file_and_what_was_perhaps_meant(here: Path) -> None:
    (here / "taskq.toml").write_text('ulr = "redis://x"')
    with pytest.raises(ConfigurationError, match=r"taskq\.toml: unknown key 'ulr'; did you mean 'url'\?"):
        load_settings(Shared())


def test_an_unknown_key_of_a_profile_is_named_in_full(here: Path, user_file: Path) -> None:
    user_file.write_text("[profiles.prod]\nreadonly = true")
    with pytest.raises(ConfigurationError, match=r"config\.toml: unknown key 'profiles\.prod\.readonly'"):
        load_settings(Shared())


@pytest.mark.parametrize("text", ["= =", "output = 3", "[profiles]\nprod = 1", "\xff"])
def test_a_broken_file_is_an_error_that_names_it(here: Path, text: str) -> None:
    (here / "taskq.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"taskq\.toml"):
        load_settings(Shared())


def test_an_unknown_profile_lists_the_known(here: Path) -> None:
    (here / "taskq.toml").write_text('[profiles.prod]\nurl = "redis://prod"')
    with pytest.raises(ConfigurationError, match="did you mean 'prod'") as caught:
        load_settings(Shared(profile="prdo"))
    assert "prod" in caught.value.hint


def test_an_unknown_format_and_a_bad_namespace_are_refused(here: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'table'"):
        load_settings(Shared(output="tabel"))
    with pytest.raises(InvalidName):
        load_settings(Shared(namespace="Not Good"))
