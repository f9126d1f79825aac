"""Where a command looks and how it prints: flag > TASKQ_* > ./taskq.toml > the user's file > default.

A profile named by a flag counts as a flag; one named elsewhere gives way to TASKQ_REDIS_URL and
TASKQ_NAMESPACE. Its `read_only` and `protected` hold in any case.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from taskq_cli.options import FORMATS, Shared
from taskq_cli.sanitize import clean
from taskq_core import UsageError, check_namespace

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

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


Origin = str | tuple[str, ...]
"""Where a value stands: a flag or a variable by its name, or the path of a key in a file."""


@dataclass(frozen=True, slots=True)
class Sources:
    """All places that may say something, and the profile that was chosen."""

    shared: Shared
    configured: Configured | Plain
    profile: str | None
    chosen: Profile | NoProfile

    def of(self, name: str) -> tuple[str | None, Origin]:
        """The value of a setting, and who says so: `url`, `namespace`, `output` or `profile`."""
        return next((found for found in self._candidates(name) if found[0]), (None, "default"))

    def _candidates(self, name: str) -> Iterator[tuple[str | None, Origin]]:
        flag, *variables = _SPOKEN[name]
        yield getattr(self.shared, name), flag
        in_profile = getattr(self.chosen, name, None), ("profiles", self.profile or "", name)
        if self.shared.profile is not None:
            yield in_profile
        for variable in variables:
            yield os.environ.get(variable), variable
        yield in_profile
        yield getattr(self.configured, name), (name,)


_SPOKEN: Final = {
    "url": ("--url", "TASKQ_REDIS_URL", "TASKQ_URL"),
    "namespace": ("--namespace", "TASKQ_NAMESPACE"),
    "output": ("--output", "TASKQ_OUTPUT"),
    "profile": ("--profile", "TASKQ_PROFILE"),
}


def load_settings(shared: Shared) -> Settings:
    """The settings of a command line. Raises: ConfigurationError, UsageError."""
    return settings_of(read_sources(shared))


def read_sources(shared: Shared) -> Sources:
    """What flags, environment and files say. Raises: ConfigurationError."""
    return sources_of(shared, read_configuration())


def sources_of(shared: Shared, configured: Configured | Plain) -> Sources:
    """The same with a configuration that was read already. Raises: ConfigurationError."""
    name = shared.profile or configured.profile
    return Sources(shared, configured, name, _profile(configured, name))


def settings_of(sources: Sources) -> Settings:
    """The value of each setting that wins. Raises: UsageError."""
    chosen = Settings(
        url=sources.of("url")[0],
        namespace=sources.of("namespace")[0] or DEFAULT_NAMESPACE,
        output=sources.of("output")[0],
        profile=sources.profile,
        read_only=sources.chosen.read_only,
        protected=sources.chosen.protected,
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
class NoProfile:
    """Stands for a profile where none is chosen."""

    url: str | None = None
    namespace: str | None = None
    read_only: bool = False
    protected: bool = False


@dataclass(frozen=True, slots=True)
class NoTop:
    """Stands for the settings of the live view where there are none."""

    theme: str | None = None
    interval: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plain:
    """All there is to know where there is no file: pydantic would cost each command 130 ms for it."""

    url: str | None = None
    namespace: str | None = None
    output: str | None = None
    profile: str | None = None
    profiles: Mapping[str, NoProfile] = field(default_factory=dict)
    top: NoTop = NoTop()


def read_configuration() -> Configured | Plain:
    """Environment and files, checked. Raises: ConfigurationError with file and key."""
    if not any(file.exists() for file in config_files()):
        return Plain(
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
    import tomllib  # here: without a file nobody needs it

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
    from taskq_cli.settings_model import Configured, Profile, Top

    first = error.errors()[0]
    path = tuple(str(part) for part in first["loc"])
    if path[0] in _SPOKEN["url"] and path[0] not in os.environ:
        path = ("url", *path[1:])  # pydantic calls it by its first alias, wherever it stands
    place = ".".join(path)
    source = source_of(path)
    if first["type"] != "extra_forbidden":
        return ConfigurationError(f"{source}: {place}: {first['msg']}")
    tables: dict[str, type[BaseModel]] = {"profiles": Profile, "top": Top} if len(path) > 1 else {}
    known = tables.get(path[0], Configured).model_fields
    return ConfigurationError(
        f"{source}: unknown key {place!r}{_meant(path[-1], known)}", hint=f"Known keys: {', '.join(known)}"
    )


def source_of(path: tuple[str, ...]) -> str:
    """The file in which a key stands; `environment` when it stands in none."""
    import tomllib

    for file in config_files():
        value: Any = tomllib.loads(file.read_text()) if file.exists() else {}
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            return str(file)
    return "environment"


def _profile(configured: Configured | Plain, name: str | None) -> Profile | NoProfile:
    if name is None:
        return NoProfile()
    if name not in configured.profiles:
        known = ", ".join(sorted(configured.profiles)) or "none"
        raise ConfigurationError(
            f"no profile {clean(name)!r}{_meant(name, configured.profiles)}", hint=f"Known profiles: {known}"
        )
    return configured.profiles[name]


def _meant(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
