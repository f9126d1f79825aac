"""The shape of the configuration, read by pydantic-settings: imported late, for it is slow."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from taskq_cli.durations import parse_duration
from taskq_cli.settings import config_files


def _duration(text: str) -> str:
    _ = parse_duration(text)
    return text


class Profile(BaseModel):
    """A named server: `[profiles.prod]` in a file, `-P prod` on the command line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = None
    namespace: str | None = None
    read_only: bool = False
    protected: bool = False


class Top(BaseModel):
    """The live view: `[top]` in a file. ``keys``: key names of the view by the name of what they do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    theme: str | None = None
    interval: Annotated[str, AfterValidator(_duration)] | None = None
    keys: dict[str, str] = Field(default_factory=dict)


class Configured(BaseSettings):
    """What environment and files say, before flags and profiles."""

    model_config = SettingsConfigDict(
        env_prefix="TASKQ_", env_ignore_empty=True, extra="forbid", frozen=True, populate_by_name=True
    )

    url: str | None = Field(None, validation_alias=AliasChoices("TASKQ_REDIS_URL", "TASKQ_URL", "url"))
    namespace: str | None = None
    output: str | None = None
    profile: str | None = None
    profiles: dict[str, Profile] = Field(default_factory=dict)
    top: Top = Field(default_factory=Top)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment, then ./taskq.toml, then the user's file."""
        files = (TomlConfigSettingsSource(settings_cls, file) for file in config_files())
        return (env_settings, *files)
