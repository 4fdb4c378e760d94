"""The settings that several services share, read from the environment (prefix `HOMIN_`), each with a working default.

A service's own `settings.py` inherits what it needs: `class Settings(HttpSettings, DataSettings): …`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings as PydanticSettings
from pydantic_settings import NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from shared.runtime.origin import canonical
from shared.runtime.secret_files import SecretFiles

ASYNC_DRIVERS = {
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
}


class BaseSettings(PydanticSettings):
    """The base of all settings: `HOMIN_<FIELD>` in the environment, or a file that `HOMIN_<FIELD>_FILE` names; frozen,
    so that nothing changes under a service."""

    # An empty variable is none: Compose files and shells pass on what nobody has set as an empty one.
    model_config = SettingsConfigDict(
        env_prefix="HOMIN_", env_ignore_empty=True, frozen=True, extra="ignore", populate_by_name=True
    )

    log: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[PydanticSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, SecretFiles(settings_cls)


class HttpSettings(BaseSettings):
    """Where a process listens, and whom it believes about a client's address."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    backlog: Annotated[int, Field(ge=1)] = 4096
    """Connections that the kernel holds until they are accepted; after a restart all clients come back at once."""
    drain_s: Annotated[float, Field(ge=0)] = 20.0
    """The longest that requests under way may still take once the server closes."""
    trusted_proxies: str = "127.0.0.1,::1"
    """Peers whose `X-Forwarded-For` and `X-Forwarded-Proto` count: addresses or networks, with commas; `*` for all."""
    origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins (`https://chat.example.org`) that may call, besides the page's own host; with commas."""

    @field_validator("origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(canonical(part) for part in value.split(",") if part.strip())
        return value


class DataSettings(BaseSettings):
    """What services keep their data in. The three addresses turn one process into a deployment."""

    var: str = "var"
    """The folder for everything that a single process keeps."""
    amqp_url: str = "memory:"
    database_url: str = ""
    """A plain `postgresql://` or `sqlite:///` address is enough; empty means `homin.db` in the folder `var`."""
    objects_url: str = ""
    """Where files lie: `file:<folder>` or what obstore reads, such as `s3://bucket`; empty means `files` in `var`."""
    database_password: SecretStr = SecretStr("")
    amqp_password: SecretStr = SecretStr("")
    """Put into the two addresses, of any characters; so the addresses are no secret and the passwords can be files."""

    @model_validator(mode="before")
    @classmethod
    def _place(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        var = data.get("var") or "var"
        database = async_database_url(data.get("database_url") or f"sqlite:///{var}/homin.db")
        placed = {
            **data,
            "database_url": with_password(database, data.get("database_password")),
            "objects_url": data.get("objects_url") or f"file:{var}/files",
        }
        if data.get("amqp_url"):
            placed["amqp_url"] = with_password(data["amqp_url"], data.get("amqp_password"))
        return placed

    @field_validator("amqp_url")
    @classmethod
    def _known_bus(cls, url: str) -> str:
        if not url.startswith(("memory:", "amqp://", "amqps://")):
            raise ValueError("must be memory: or start with amqp:// or amqps://")
        if not url.startswith("memory:") and not urlsplit(url).hostname:
            raise ValueError("names no host: amqp://user:password@host:5672/")
        return url


def async_database_url(url: str) -> str:
    """`url` with the asynchronous driver that Homin uses; ValueError where it is neither of the two databases."""
    scheme, separator, rest = url.partition("://")
    driver = ASYNC_DRIVERS.get(scheme.partition("+")[0])
    if not separator or driver is None:
        raise ValueError("HOMIN_DATABASE_URL must start with postgresql:// or sqlite:///")
    return f"{driver}://{rest}"


def with_password(url: str, password: str | SecretStr | None) -> str:
    """`url` with the password beside its user's name; as it is where it names no user, or has a password already."""
    if isinstance(password, SecretStr):
        password = password.get_secret_value()
    scheme, separator, rest = url.partition("://")
    user, at, place = rest.partition("@")
    if not (password and at) or ":" in user:
        return url
    return f"{scheme}{separator}{user}:{quote(password, safe='')}@{place}"
