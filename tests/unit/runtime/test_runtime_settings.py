"""Settings: what an operator writes, and what the services get."""

import pytest
from pydantic import ValidationError

from shared.runtime.settings import DataSettings, HttpSettings, async_database_url
from shared.tokens.settings import TokenSettings


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://u:p@db/homin", "postgresql+asyncpg://u:p@db/homin"),
        ("postgres://u:p@db/homin", "postgresql+asyncpg://u:p@db/homin"),
        ("postgresql+asyncpg://db/homin", "postgresql+asyncpg://db/homin"),
        ("sqlite:///var/homin.db", "sqlite+aiosqlite:///var/homin.db"),
        ("sqlite+aiosqlite:////srv/homin.db", "sqlite+aiosqlite:////srv/homin.db"),
    ],
)
def test_a_plain_database_address_is_enough(given: str, used: str) -> None:
    assert async_database_url(given) == used


@pytest.mark.parametrize("given", ["mysql://db/homin", "homin.db", "://", "postgresql:db"])
def test_another_database_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="must start with"):
        async_database_url(given)


def test_everything_of_one_process_lies_in_one_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMIN_VAR", "/srv/homin")
    settings = DataSettings()
    assert settings.database_url == "sqlite+aiosqlite:////srv/homin/homin.db"
    assert settings.objects_url == "file:/srv/homin/files"
    assert settings.amqp_url == "memory:"


def test_an_address_of_its_own_wins_over_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMIN_DATABASE_URL", "postgresql://db/homin")
    monkeypatch.setenv("HOMIN_OBJECTS_URL", "s3://bucket")
    settings = DataSettings()
    assert settings.database_url == "postgresql+asyncpg://db/homin"
    assert settings.objects_url == "s3://bucket"


def test_a_bus_that_nobody_speaks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMIN_AMQP_URL", "redis://localhost")
    with pytest.raises(ValidationError, match="amqp://"):
        DataSettings()


def test_origins_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMIN_ORIGINS", "https://chat.example.org/, https://b.example.org,")
    assert HttpSettings().origins == ("https://chat.example.org", "https://b.example.org")


def test_keys_are_asked_of_ones_own_port_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMIN_PORT", "9000")
    assert TokenSettings().jwks_url == "http://127.0.0.1:9000/api/accounts/jwks.json"
    monkeypatch.setenv("HOMIN_JWKS_URL", "http://accounts:8080/api/accounts/jwks.json")
    assert TokenSettings().jwks_url == "http://accounts:8080/api/accounts/jwks.json"
    monkeypatch.setenv("HOMIN_JWKS_URL", "file:///etc/passwd")
    with pytest.raises(ValidationError, match="http://"):
        TokenSettings()


def test_settings_do_not_change_under_a_service() -> None:
    settings = HttpSettings()
    with pytest.raises(ValidationError):
        settings.__setattr__("port", 1)
