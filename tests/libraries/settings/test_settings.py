"""Settings from the environment and files; errors name variables but never values."""

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


def test_unset_settings_have_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", GOOD)
    monkeypatch.setenv("DATABASE_POOL_SIZE", "")
    settings = load(Settings)
    assert (settings.database_url, settings.database_pool_size) == (GOOD, 10)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_accepts_the_common_schemes_of_postgresql(
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
def test_error_names_an_invalid_url_without_quoting_it(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
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
def test_error_explains_how_to_convert_liftlogs_connection_string(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", text)
    with pytest.raises(
        StartError, match="DATABASE_URL: is a connection string in LiftLog"
    ) as caught:
        load(Settings)
    assert "postgresql://username:password@host/database" in str(caught.value)
    assert "%40" in str(caught.value) and "ary" not in str(caught.value)


def test_error_names_command_for_liftlogs_sqlite_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "Data Source=/var/lib/canary.db")
    with pytest.raises(StartError, match=r"DATABASE_URL: names LiftLog's SQLite") as caught:
        load(Settings)
    assert "gymlocker migrate --from-sqlite FILE" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_error_names_every_invalid_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("CLEANUP_INTERVAL_MINUTES", "0")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(StartError) as caught:
        load(Settings)
    for name in ("DATABASE_URL", "CLEANUP_INTERVAL_MINUTES", "LOG_LEVEL"):
        assert name in str(caught.value)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return an empty folder for secrets; the environment has none of them."""
    for name in ("DATABASE_URL", "JWT_SECRET_KEY", "OPENAI_API_KEY", "WEB_AUTH_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("key", ["can ary", "canäry", "can\tary"])
def test_error_names_an_invalid_api_key_without_quoting_it(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("API_KEY", key)
    with pytest.raises(StartError, match="API_KEY: must contain only visible ASCII") as caught:
        load(AccessSettings)
    assert "can" not in str(caught.value)


def test_reads_missing_settings_from_files(secrets: Path) -> None:
    (secrets / "database_url").write_text(f"{GOOD}\n")
    (secrets / "jwt_secret_key").write_text("a key, with ünusual letters\n")
    (secrets / "OPENAI_API_KEY").write_text("in capitals")
    (secrets / "web_auth_api_key").write_text("of web")
    (secrets / "database_pool_size").write_text("7")
    (secrets / "unrelated_file").write_text("whatever")
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


def test_environment_overrides_files(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secrets / "database_url").write_text("mysql://not/looked/at")
    (secrets / "log_level").write_text("error")
    monkeypatch.setenv("DATABASE_URL", GOOD)
    # An empty variable, as in compose files, counts as unset.
    monkeypatch.setenv("LOG_LEVEL", "")
    settings = load(Settings)
    assert (settings.database_url, settings.log_level) == (GOOD, "error")


def test_does_not_read_files_of_settings_in_the_environment(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secrets / "database_url").mkdir()
    monkeypatch.setenv("DATABASE_URL", GOOD)
    assert load(Settings).database_url == GOOD


def test_empty_file_counts_as_unset(secrets: Path) -> None:
    (secrets / "openai_api_key").write_text("\n")
    (secrets / "openai_model").touch()
    settings = load(PlannerSettings)
    assert settings.openai_api_key is None
    assert settings.openai_model == "gpt-5.4-mini"


def test_error_names_an_invalid_file_without_quoting_it(secrets: Path) -> None:
    (secrets / "database_url").write_text("mysql://user:canary@host/name")
    with pytest.raises(StartError, match=r"DATABASE_URL: must start with postgresql://") as caught:
        load(Settings)
    assert "canary" not in str(caught.value)


def test_rejects_an_unreadable_secret(secrets: Path) -> None:
    # Docker Compose creates a folder if the file to mount is missing.
    (secrets / "jwt_secret_key").mkdir()
    with pytest.raises(
        StartError, match=r"JWT_SECRET_KEY: .*/jwt_secret_key cannot be read \(Is a"
    ):
        load(TokenSettings)


def test_rejects_a_secret_that_is_not_utf_8(secrets: Path) -> None:
    (secrets / "jwt_secret_key").write_bytes(b"\xff\xfe")
    with pytest.raises(StartError, match=r"JWT_SECRET_KEY: .* is not UTF-8 text") as caught:
        load(TokenSettings)
    assert "xff" not in str(caught.value)


def test_rejects_a_dotenv_that_is_not_utf_8(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(secrets)
    # As written by `>` in PowerShell.
    (secrets / ".env").write_text("OPENAI_MODEL=canary\n", encoding="utf-16")
    with pytest.raises(StartError, match=r"/\.env is not UTF-8 text: save it as UTF-8") as caught:
        load(PlannerSettings)
    assert "canary" not in str(caught.value)


def test_accepts_a_dotenv_with_a_byte_order_mark(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(secrets)
    (secrets / ".env").write_text("OPENAI_MODEL=of-a-file\n", encoding="utf-8-sig")
    assert load(PlannerSettings).openai_model == "of-a-file"


def test_rejects_a_missing_secrets_dir(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_DIR", str(secrets / "elsewhere"))
    with pytest.raises(StartError, match=r"SECRETS_DIR: .*/elsewhere is not a folder"):
        load(PlannerSettings)


def test_reads_secrets_through_links_as_in_kubernetes(secrets: Path) -> None:
    (secrets / "..2026").mkdir()
    (secrets / "..2026" / "database_url").write_text(GOOD)
    (secrets / "..data").symlink_to("..2026")
    (secrets / "database_url").symlink_to("..data/database_url")
    assert load(Settings).database_url == GOOD


def test_reads_the_default_folder_only_if_it_is_accessible(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secrets / "openai_model").write_text("of-a-file")
    monkeypatch.delenv("SECRETS_DIR")
    default = PlannerSettings.model_fields["secrets_dir"]
    found = []
    # A plain file is inaccessible as a folder even to root.
    for folder in (secrets, secrets / "openai_model", secrets / "elsewhere"):
        monkeypatch.setattr(default, "default", folder)
        found.append(load(PlannerSettings).openai_model)
    assert found == ["of-a-file", "gpt-5.4-mini", "gpt-5.4-mini"]
