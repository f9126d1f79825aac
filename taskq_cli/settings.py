"""Where a command looks and how it prints: flag > TASKQ_* > ./taskq.toml > the user's file > default.

A profile named by a flag counts as a flag; one named elsewhere gives way to TASKQ_REDIS_URL and
TASKQ_NAMESPACE. Its `read_only` and `protected` hold in any case.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from taskq_cli.options import FORMATS, Shared
from taskq_cli.sanitize import clean
from taskq_core import UsageError, check_namespace

if TYPE_CHECKING:
    from pydantic import ValidationError

    from taskq_cli.settings_model import Configured, Profile

DEFAULT_NAMESPACE: Final = "default"


class ConfigurationError(UsageError):
    """A configuration file or variable that cannot be right."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a command works with. ``url`` None: the local server."""

    url: str | None
    namespace: str
    output: str | None
    profile: str | None
    read_only: bool
    protected: bool


def load_settings(shared: Shared) -> Settings:
    """The settings of a command line. Raises: ConfigurationError, UsageError."""
    configured = _read()
    name = shared.profile or configured.profile
    profile = _profile(configured, name)
    by_flag = shared.profile is not None
    environment = os.environ
    chosen = Settings(
        url=_first(
            shared.url,
            profile.url if by_flag else None,
            environment.get("TASKQ_REDIS_URL") or environment.get("TASKQ_URL"),
            profile.url,
            configured.url,
        ),
        namespace=_first(
            shared.namespace,
            profile.namespace if by_flag else None,
            environment.get("TASKQ_NAMESPACE"),
            profile.namespace,
            configured.namespace,
        )
        or DEFAULT_NAMESPACE,
        output=shared.output or configured.output,
        profile=name,
        read_only=profile.read_only,
        protected=profile.protected,
    )
    check_namespace(chosen.namespace)
    if chosen.output is not None and chosen.output not in FORMATS:
        raise UsageError(
            f"no output format {clean(chosen.output)!r}{_meant(chosen.output, FORMATS)}",
            hint=f"One of: {', '.join(FORMATS)}",
        )
    return chosen


def config_files() -> list[Path]:
    """The files that are read, the one that wins first; they need not exist."""
    home = os.environ.get("XDG_CONFIG_HOME") or ""
    base = Path(home) if home.startswith("/") else Path.home() / ".config"
    return [Path("taskq.toml"), base / "taskq" / "config.toml"]


@dataclass(frozen=True, slots=True)
class _NoProfile:
    """Stands for a profile where none is chosen."""

    url: str | None = None
    namespace: str | None = None
    read_only: bool = False
    protected: bool = False


@dataclass(frozen=True, slots=True)
class _Environment:
    """All there is to know where there is no file: pydantic would cost each command 130 ms for it."""

    url: None = None
    namespace: None = None
    output: str | None = None
    profile: str | None = None
    profiles: Mapping[str, _NoProfile] = field(default_factory=dict)


def _read() -> Configured | _Environment:
    if not any(file.exists() for file in config_files()):
        return _Environment(
            output=os.environ.get("TASKQ_OUTPUT") or None, profile=os.environ.get("TASKQ_PROFILE") or None
        )
    from pydantic import ValidationError

    from taskq_cli.settings_model import Configured

    for file in config_files():
        _check_syntax(file)
    try:
        return Configured.model_validate({})
    except ValidationError as error:
        raise _explained(error) from None


def _check_syntax(file: Path) -> None:
    try:
        with file.open("rb") as source:
            tomllib.load(source)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is not valid TOML: {error}") from None


def _explained(error: ValidationError) -> ConfigurationError:
    from taskq_cli.settings_model import Configured, Profile

    first = error.errors()[0]
    path = tuple(str(part) for part in first["loc"])
    place = ".".join(path)
    source = _source_of(path)
    if first["type"] != "extra_forbidden":
        return ConfigurationError(f"{source}: {place}: {first['msg']}")
    known = Profile.model_fields if path[0] == "profiles" else Configured.model_fields
    return ConfigurationError(
        f"{source}: unknown key {place!r}{_meant(path[-1], known)}", hint=f"Known keys: {', '.join(known)}"
    )


def _source_of(path: tuple[str, ...]) -> str:
    for file in config_files():
        value: Any = tomllib.loads(file.read_text()) if file.exists() else {}
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            return str(file)
    return "environment"


def _profile(configured: Configured | _Environment, name: str | None) -> Profile | _NoProfile:
    if name is None:
        return _NoProfile()
    if name not in configured.profiles:
        known = ", ".join(sorted(configured.profiles)) or "none"
        raise ConfigurationError(
            f"no profile {clean(name)!r}{_meant(name, configured.profiles)}", hint=f"Known profiles: {known}"
        )
    return configured.profiles[name]


def _first(*values: str | None) -> str | None:
    return next((value for value in values if value), None)


def _meant(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
