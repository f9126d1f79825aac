"""Where the names of a completion come from: as the command itself would look, but without checking files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from taskq_cli.options import Shared
from taskq_cli.settings import NoProfile, Plain, config_files, settings_of, sources_of
from taskq_core import LocalServer


@dataclass(frozen=True, slots=True)
class Place:
    """A server and a namespace."""

    url: str
    namespace: str

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Place:
        """What the flags on the line, environment and files name. The local server is not started."""
        shared = Shared(given.get("url"), given.get("namespace"), given.get("profile"))
        chosen = settings_of(sources_of(shared, _configured()))
        return cls(chosen.url or LocalServer().url, chosen.namespace)

    @staticmethod
    def profiles() -> tuple[str, ...]:
        """The names of all profiles."""
        return tuple(sorted(_configured().profiles))


def _configured() -> Plain:
    import os
    import tomllib

    merged: dict[str, Any] = {}
    for file in reversed(config_files()):
        if file.exists():
            read = tomllib.loads(file.read_text())
            profiles = {**merged.get("profiles", {}), **read.get("profiles", {})}
            merged = {**merged, **read, "profiles": profiles}
    return Plain(
        url=merged.get("url"),
        namespace=merged.get("namespace"),
        profile=os.environ.get("TASKQ_PROFILE") or merged.get("profile"),
        profiles={name: _profile(values) for name, values in merged.get("profiles", {}).items()},
    )


def _profile(values: Mapping[str, Any]) -> NoProfile:
    return NoProfile(url=values.get("url"), namespace=values.get("namespace"))
