"""The environment and files: what is wrong is named, what is secret is not."""

from pathlib import Path

import pytest

from server.errors import StartError
from server.libraries.settings import (
    AccessSettings,
    PlannerSettings,
    Settings,
    TokenSettings,
    load,
    load_worker_settings,
)

GOOD = "postgresql://user:password@host/name"


def test_what_is_not_set_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", GOOD)
    monkeypatch.setenv("DATABASE_POOL_SIZE", "")
    settings = load(Settings)
    assert (settings.database_url, settings.database_pool_size) == (GOOD, 10)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_the_usual_spellings_of_postgresql_will_do(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://user:password@host/name")
    assert load(Settings).database_url == GOOD


@pytest.mark.parametrize(
    "url",
    [
        "canary",
        "mysql://user:canary@host/name",
        "postgresql://user:can/ary@host/name",
        "postgresql://user:can#ary@host/name",
        "postgresql://user:can[ary@host/name",
    ],
)
def test_a_wrong_url_is_named_and_not_quoted(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(StartError) as caught:
        load(Settings)
    assert "DATABASE_URL" in str(caught.value)
    assert "can" not in str(caught.value).replace("cannot", "")


@pytest.mark.parametrize(
    "text",
    [
        "Host=db;Username=liftlog;Password=can@ary;Database=liftlog",
        "password = canary; Server=db;User Id=liftlog;Database=liftlog;",
    ],
)
def test_a_connection_string_of_liftlog_is_told_how_to_be_written(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", text)
    with pytest.raises(StartError, match="DATABASE_URL: is a connection string as LiftLog") as told:
        load(Settings)
    assert "postgresql://username:password@host/database" in str(told.value)
    assert "%40" in str(told.value) and "ary" not in str(told.value)


def test_every_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("CLEANUP_INTERVAL_MINUTES", "0")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(StartError) as caught:
        load(Settings)
    for name in ("DATABASE_URL", "CLEANUP_INTERVAL_MINUTES", "LOG_LEVEL"):
        assert name in str(caught.value)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder for secrets, empty, and an environment that tells none of them."""
    for name in ("DATABASE_URL", "JWT_SECRET_KEY", "OPENAI_API_KEY", "WEB_AUTH_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("key", ["can ary", "canäry", "can\tary"])
def test_a_key_that_fits_into_no_header_is_named_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("API_KEY", key)
    with pytest.raises(StartError, match="API_KEY: must be visible ASCII") as caught:
        load(AccessSettings)
    assert "can" not in str(caught.value)


def test_what_is_not_in_the_environment_is_in_files(secrets: Path) -> None:
    (secrets / "database_url").write_text(f"{GOOD}\n")
    (secrets / "jwt_secret_key").write_text("a key, with ünusual letters\n")
    (secrets / "OPENAI_API_KEY").write_text("in capitals")
    (secrets / "web_auth_api_key").write_text("of web")
    (secrets / "database_pool_size").write_text("7")
    (secrets / "of_somebody_else").write_text("whatever")
    settings = load_worker_settings()
    assert (settings.worker.database_url, settings.worker.database_pool_size) == (GOOD, 7)
    assert [
        secret and secret.get_secret_value()
        for secret in (
            settings.tokens.jwt_secret_key,
            settings.planner.openai_api_key,
            settings.purchases.web_auth_api_key,
        )
    ] == ["a key, with ünusual letters", "in capitals", "of web"]


def test_the_environment_wins_over_files(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secrets / "database_url").write_text("mysql://not/looked/at")
    (secrets / "log_level").write_text("error")
    monkeypatch.setenv("DATABASE_URL", GOOD)
    # Set to nothing, as compose files do, is not set.
    monkeypatch.setenv("LOG_LEVEL", "")
    settings = load(Settings)
    assert (settings.database_url, settings.log_level) == (GOOD, "error")


def test_a_file_that_the_environment_makes_needless_need_not_be_readable(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secrets / "database_url").mkdir()
    monkeypatch.setenv("DATABASE_URL", GOOD)
    assert load(Settings).database_url == GOOD


def test_an_empty_file_is_a_setting_that_is_not_set(secrets: Path) -> None:
    (secrets / "openai_api_key").write_text("\n")
    (secrets / "openai_model").touch()
    settings = load(PlannerSettings)
    assert settings.openai_api_key is None
    assert settings.openai_model == "gpt-5.4-mini"


def test_a_wrong_value_in_a_file_is_named_and_not_quoted(secrets: Path) -> None:
    (secrets / "database_url").write_text("mysql://user:canary@host/name")
    with pytest.raises(StartError, match=r"DATABASE_URL: must start with postgresql://") as caught:
        load(Settings)
    assert "canary" not in str(caught.value)


def test_a_secret_that_cannot_be_read_is_an_error(secrets: Path) -> None:
    # What a compose file makes where the file to be shown is missing.
    (secrets / "jwt_secret_key").mkdir()
    with pytest.raises(
        StartError, match=r"JWT_SECRET_KEY: .*/jwt_secret_key cannot be read \(Is a"
    ):
        load(TokenSettings)


def test_a_secret_that_is_not_text_is_an_error(secrets: Path) -> None:
    (secrets / "jwt_secret_key").write_bytes(b"\xff\xfe")
    with pytest.raises(StartError, match=r"JWT_SECRET_KEY: .* is not text \(UTF-8\)") as caught:
        load(TokenSettings)
    assert "xff" not in str(caught.value)


def test_dotenv_that_is_not_text_is_an_error(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(secrets)
    # As `>` of PowerShell writes it.
    (secrets / ".env").write_text("OPENAI_MODEL=canary\n", encoding="utf-16")
    with pytest.raises(StartError, match=r"/\.env is not text \(UTF-8\): save it again") as caught:
        load(PlannerSettings)
    assert "canary" not in str(caught.value)


def test_dotenv_may_begin_with_a_mark_that_it_is_utf_8(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(secrets)
    (secrets / ".env").write_text("OPENAI_MODEL=of-a-file\n", encoding="utf-8-sig")
    assert load(PlannerSettings).openai_model == "of-a-file"


def test_a_folder_for_secrets_that_is_named_must_be_there(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRETS_DIR", str(secrets / "elsewhere"))
    with pytest.raises(StartError, match=r"SECRETS_DIR: .*/elsewhere is not a folder"):
        load(PlannerSettings)


def test_kubernetes_shows_secrets_by_links(secrets: Path) -> None:
    (secrets / "..2026").mkdir()
    (secrets / "..2026" / "database_url").write_text(GOOD)
    (secrets / "..data").symlink_to("..2026")
    (secrets / "database_url").symlink_to("..data/database_url")
    assert load(Settings).database_url == GOOD


def test_the_usual_folder_is_looked_into_if_it_lets_us_in(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secrets / "openai_model").write_text("of-a-file")
    monkeypatch.delenv("SECRETS_DIR")
    usual = PlannerSettings.model_fields["secrets_dir"]
    found = []
    # No root may pass through a plain file, either.
    for folder in (secrets, secrets / "openai_model", secrets / "elsewhere"):
        monkeypatch.setattr(usual, "default", folder)
        found.append(load(PlannerSettings).openai_model)
    assert found == ["of-a-file", "gpt-5.4-mini", "gpt-5.4-mini"]
