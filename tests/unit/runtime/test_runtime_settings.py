"""Settings: what an operator writes, and what the services get."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.runtime.secret_files import SecretUnreadable
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


@pytest.mark.parametrize("url", ["amqp://", "amqps:///vhost", "amqp://homin:secret@"])
def test_an_address_that_names_no_broker_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HOMIN_AMQP_URL", url)
    with pytest.raises(ValidationError, match="names no host"):
        DataSettings()


def test_origins_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMIN_ORIGINS", "https://chat.example.org/, https://B.example.org:443,")
    assert HttpSettings().origins == ("https://chat.example.org", "https://b.example.org")


def test_an_origin_that_is_none_is_told_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMIN_ORIGINS", "https://chat.example.org, chat.example.org")
    with pytest.raises(ValidationError, match=r"'chat\.example\.org' is no origin"):
        HttpSettings()


def test_keys_have_no_address_unless_one_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert TokenSettings().jwks_url == ""
    monkeypatch.setenv("HOMIN_JWKS_URL", "http://accounts:8080/api/accounts/jwks.json")
    assert TokenSettings().jwks_url == "http://accounts:8080/api/accounts/jwks.json"
    monkeypatch.setenv("HOMIN_JWKS_URL", "file:///etc/passwd")
    with pytest.raises(ValidationError, match="http://"):
        TokenSettings()


def test_settings_do_not_change_under_a_service() -> None:
    settings = HttpSettings()
    with pytest.raises(ValidationError):
        settings.__setattr__("port", 1)


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3:cr@t/ю\n")
    monkeypatch.setenv("HOMIN_DATABASE_URL", "postgresql://homin@database/homin")
    monkeypatch.setenv("HOMIN_DATABASE_PASSWORD_FILE", str(tmp_path / "password"))
    assert DataSettings().database_url == "postgresql+asyncpg://homin:s3%3Acr%40t%2F%D1%8E@database/homin"


def test_the_environment_wins_over_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("amqp://from-file/")
    monkeypatch.setenv("HOMIN_AMQP_URL_FILE", str(tmp_path / "url"))
    assert DataSettings().amqp_url == "amqp://from-file/"
    monkeypatch.setenv("HOMIN_AMQP_URL", "amqp://from-environment/")
    assert DataSettings().amqp_url == "amqp://from-environment/"


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from-file")
    monkeypatch.setenv("HOMIN_PORT", "")
    monkeypatch.setenv("HOMIN_AMQP_URL", "amqp://homin@broker/")
    monkeypatch.setenv("HOMIN_AMQP_PASSWORD", "")
    monkeypatch.setenv("HOMIN_AMQP_PASSWORD_FILE", str(tmp_path / "password"))
    assert HttpSettings().port == 8080
    assert DataSettings().amqp_url == "amqp://homin:from-file@broker/"


def test_a_password_in_an_address_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMIN_AMQP_URL", "amqp://homin:here@broker/")
    monkeypatch.setenv("HOMIN_AMQP_PASSWORD", "there")
    assert DataSettings().amqp_url == "amqp://homin:here@broker/"


def test_a_secret_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOMIN_AMQP_PASSWORD_FILE", str(tmp_path / "nothing"))
    with pytest.raises(SecretUnreadable, match=r"HOMIN_AMQP_PASSWORD_FILE: .*nothing cannot be read: No such file"):
        DataSettings()
