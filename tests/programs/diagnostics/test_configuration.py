"""`gymlocker config`: effective settings with their sources, errors, and unknown variables."""

import subprocess
import sys
from pathlib import Path

import pytest

from server.errors import StartError
from server.libraries.settings import Settings, TokenSettings, load
from server.programs.diagnostics.configuration import (
    EffectiveSetting,
    effective_settings,
    names,
    settings_errors,
    unknown_variables,
)
from tests.support.worker import JWT_SECRET_KEY

URL = "postgresql://user:canary@host/name"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, and an environment without settings."""
    for name in names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def setting(name: str) -> EffectiveSetting:
    return next(one for one in effective_settings() if one.name == name)


class TestEffectiveSettings:
    def test_names_source_with_precedence(
        self, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (empty_folder / "log_level").write_text("error")
        (empty_folder / "jwt_issuer").write_text("a file")
        (empty_folder / "jwt_audience").write_text("a file")
        (empty_folder / ".env").write_text("JWT_ISSUER=dotenv\nJWT_AUDIENCE=dotenv\nOF_ANOTHER=x\n")
        monkeypatch.setenv("JWT_AUDIENCE", "environment")
        assert setting("LOG_LEVEL") == EffectiveSetting("LOG_LEVEL", "error", "file")
        assert setting("JWT_ISSUER") == EffectiveSetting("JWT_ISSUER", "dotenv", ".env")
        assert setting("JWT_AUDIENCE") == EffectiveSetting(
            "JWT_AUDIENCE", "environment", "environment"
        )
        assert setting("JWT_ALGORITHM") == EffectiveSetting("JWT_ALGORITHM", "HS256", "default")
        tokens = load(TokenSettings)
        assert (tokens.jwt_issuer, tokens.jwt_audience) == ("dotenv", "environment")

    def test_lists_each_setting_once(self) -> None:
        listed = [one.name for one in effective_settings()]
        assert len(listed) == len(set(listed))
        assert set(listed) == names()

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            (URL, "postgresql://user:***@host/name"),
            ("postgresql://u:can:a@ry/canary@host/n", "postgresql://u:***@host/n"),
            (
                "postgresql://host/name?user=u&password=canary&x=y",
                "postgresql://host/name?user=u&password=***&x=y",
            ),
            ("postgresql://host:5432/name", "postgresql://host:5432/name"),
            ("user:canary@host", "***"),
        ],
    )
    def test_hides_password_in_url(
        self, monkeypatch: pytest.MonkeyPatch, url: str, shown: str
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", url)
        assert setting("DATABASE_URL").value == shown

    def test_hides_secrets(self, empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JWT_SECRET_KEY", "canary")
        (empty_folder / "openai_api_key").write_text("canary")
        (empty_folder / ".env").write_text(
            "WEB_AUTH_API_KEY=canary\nJWT_PREVIOUS_SECRET_KEYS=canary\n"
        )
        assert "canary" not in str(effective_settings())
        for name in ("JWT_SECRET_KEY", "OPENAI_API_KEY", "WEB_AUTH_API_KEY"):
            assert setting(name).value == "***"


class TestUnknownVariables:
    def test_names_misspelled_settings(
        self, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (empty_folder / ".env").write_text("LOGLEVEL=debug\n")
        for name in (
            "DATABSE_URL",
            "GYMLOCKER_LOG_LEVEL",
            "GYMLOCKER_NONSENSE",
            "GYMLOCKER_SESSION",
        ):
            monkeypatch.setenv(name, "canary")
        # Variables of other programs.
        for name in ("POSTGRES_PASSWORD", "OPENAI_ORG_ID", "database_urls"):
            monkeypatch.setenv(name, "canary")
        assert [(one.name, one.meant) for one in unknown_variables()] == [
            ("DATABSE_URL", "DATABASE_URL"),
            ("GYMLOCKER_LOG_LEVEL", "LOG_LEVEL"),
            ("GYMLOCKER_NONSENSE", None),
            ("LOGLEVEL", "LOG_LEVEL"),
        ]
        assert "canary" not in " ".join(map(str, unknown_variables()))

    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("OPENAI_KEY", "OPENAI_API_KEY"),
            ("JWT_SECRET", "JWT_SECRET_KEY"),
            ("OPENAI_URL", "OPENAI_BASE_URL"),
            ("DATABASE_URI", "DATABASE_URL"),
            ("JWT_PRIVATE_KEY", "JWT_PRIVATE_KEY_FILE"),
        ],
    )
    def test_names_settings_that_lack_a_word(
        self, monkeypatch: pytest.MonkeyPatch, name: str, meant: str
    ) -> None:
        monkeypatch.setenv(name, "canary")
        assert [(one.name, one.meant) for one in unknown_variables()] == [(name, meant)]

    @pytest.mark.parametrize(
        ("name", "advice"),
        [
            ("Database__ConnectionString", "use DATABASE_URL"),
            ("DATABASE__CONNECTIONSTRING", "use DATABASE_URL"),
            ("ConnectionStrings__RateLimitContext", "use RATE_LIMIT_DATABASE_URL"),
            ("Database__Provider", "Gymlocker has no such setting"),
            ("WebAuthApiKey", "use WEB_AUTH_API_KEY"),
            ("AiPlanner__AnthropicApiKey", "use OPENAI_API_KEY"),
            ("OpenAiApiKey", "use OPENAI_API_KEY"),
            ("GooglePlayServiceAccountEmail", "use GOOGLE_SERVICE_ACCOUNT_FILE"),
            ("Auth__PurchaseToken__RevenueCatApiKey", "use REVENUECAT_API_KEY"),
            ("Auth__ApiKey__Value", "use API_KEY"),
            ("Backup__ApiKey", "use API_KEY"),
            ("AUTH__FORWARDAUTH__USERHEADER", "use FORWARD_AUTH_USER_HEADER"),
            ("Auth__ForwardAuth__TrustedProxies", "use FORWARD_AUTH_TRUSTED_PROXIES"),
        ],
    )
    def test_translates_names_of_liftlog(
        self, monkeypatch: pytest.MonkeyPatch, name: str, advice: str
    ) -> None:
        monkeypatch.setenv(name, "canary")
        (found,) = unknown_variables()
        assert str(found).startswith(f"{name} is a setting of LiftLog's server: ")
        assert advice in str(found) and "canary" not in str(found)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Database__Provider", "Sqlite"),
            ("DATABASE__PROVIDER", "sqlite"),
            ("Database__ConnectionString", "Data Source=/canary/liftlog.db"),
            ("Database__ConnectionString", "DataSource=canary.db;Mode=ReadWriteCreate"),
        ],
    )
    def test_names_command_for_sqlite(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(name, value)
        (found,) = unknown_variables()
        assert "`gymlocker migrate --from-sqlite FILE`" in str(found)
        assert "canary" not in str(found)

    def test_names_command_for_sqlite_in_dotenv(self, empty_folder: Path) -> None:
        (empty_folder / ".env").write_text("Database__Provider=Sqlite\n")
        (found,) = unknown_variables()
        assert "`gymlocker migrate --from-sqlite FILE`" in str(found)

    @pytest.mark.parametrize("value", ["Postgres", "Host=db;Database=sqlite"])
    def test_names_setting_for_postgresql(
        self, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        monkeypatch.setenv("Database__ConnectionString", value)
        (found,) = unknown_variables()
        assert str(found).endswith(": use DATABASE_URL.")


class TestSettingsErrors:
    def test_names_invalid_setting_without_value(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABASE_URL", URL)
        assert settings_errors() == []
        monkeypatch.setenv("AI_STREAMS", "canary")
        (found,) = settings_errors()
        assert "AI_STREAMS" in found and "canary" not in found

    def test_rejects_invalid_dotenv(self, empty_folder: Path) -> None:
        (empty_folder / ".env").write_text(f"DATABASE_URL={URL}\nLOG_LEVEL=loud\n")
        with pytest.raises(StartError, match="LOG_LEVEL"):
            load(Settings)


def gymlocker(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "server", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )


UP = ("up", "--port=0")
SERVE = ("serve", "--listen=127.0.0.1:0")
WEB = ("web", "--listen=127.0.0.1:0", "--worker=127.0.0.1:1")
GATEWAY = ("gateway", "--listen=127.0.0.1:0", "--worker=127.0.0.1:1")
LOUD = ("LOG_LEVEL", "loud", "Invalid settings: LOG_LEVEL: ")
SHORT = ("JWT_SECRET_KEY", "short", "JWT_SECRET_KEY: a key is shorter than 32 bytes")
MISSING = ("SSL_CERT_FILE", "/missing", "SSL_CERT_FILE: /missing cannot be read (No such file")
HALF = ("GOOGLE_PACKAGE_NAME", "half of it", "GOOGLE_PRODUCT_ID")


@pytest.mark.extended
class TestCommand:
    def test_prints_settings_and_errors(self, empty_folder: Path) -> None:
        run = gymlocker("config", DATABASE_URL=URL, LOG_LEVLE="info")
        assert run.returncode == 0
        assert "DATABASE_URL=postgresql://user:***@host/name" in run.stdout
        assert (
            "LOG_LEVLE is set, but there is no such setting. Did you mean LOG_LEVEL?" in run.stderr
        )
        run = gymlocker("config", LOG_LEVEL="loud")
        assert run.returncode == 1
        assert "LOG_LEVEL: " in run.stderr and "DATABASE_URL" not in run.stderr

    # The web process and the front door have no keys, and call no other servers over TLS.
    @pytest.mark.parametrize(
        ("command", "wrong"),
        [
            *((command, LOUD) for command in (UP, SERVE, WEB, GATEWAY)),
            *((command, SHORT) for command in (UP, SERVE)),
            *((command, MISSING) for command in (UP, SERVE, ("doctor",))),
            (UP, HALF),
        ],
    )
    def test_rejects_invalid_value_before_start(
        self, empty_folder: Path, command: tuple[str, ...], wrong: tuple[str, str, str]
    ) -> None:
        name, value, sentence = wrong
        right = {"DATABASE_URL": URL, "JWT_SECRET_KEY": JWT_SECRET_KEY} if command is SERVE else {}
        run = gymlocker(*command, **{**right, name: value})
        assert (run.returncode, run.stdout, len(run.stderr.splitlines())) == (1, "", 1)
        assert sentence in run.stderr
        assert list(empty_folder.iterdir()) == []

    def test_accepts_settings_that_up_creates(self) -> None:
        run = gymlocker("config")
        assert (run.returncode, run.stderr) == (0, "")
        lines = {line.partition("=")[0]: line for line in run.stdout.splitlines()}
        assert lines["DATABASE_URL"].endswith("# default: embedded under `up`, required elsewhere")
        assert lines["JWT_SECRET_KEY"].endswith(
            "# default: generated once under `up`, required elsewhere"
        )

    def test_rejects_dotenv_that_is_not_text(self, empty_folder: Path) -> None:
        (empty_folder / ".env").write_text("LOG_LEVEL=debug\n", encoding="utf-16")
        for command in (("config",), ("up", "--port=0"), ("migrate",), ("doctor",)):
            run = gymlocker(*command)
            assert run.returncode == 1
            assert run.stderr == f"{empty_folder}/.env is not UTF-8 text: save it as UTF-8.\n"
