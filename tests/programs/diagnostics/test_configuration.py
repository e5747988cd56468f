"""`gymlocker config`: what is in force, whence, and which names nobody reads."""

import subprocess
import sys
from pathlib import Path

import pytest

from server.errors import StartError
from server.libraries.settings import Settings, TokenSettings, load
from server.programs.diagnostics.configuration import InForce, faults, in_force, misspelt, names
from tests.support.worker import JWT_SECRET_KEY

URL = "postgresql://user:canary@host/name"


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder that is empty, and an environment without settings."""
    for name in names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def setting(name: str) -> InForce:
    return next(one for one in in_force() if one.name == name)


def test_each_setting_comes_from_where_it_wins(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nowhere / "log_level").write_text("error")
    (nowhere / "jwt_issuer").write_text("a file")
    (nowhere / "jwt_audience").write_text("a file")
    (nowhere / ".env").write_text("JWT_ISSUER=dotenv\nJWT_AUDIENCE=dotenv\nOF_ANOTHER=x\n")
    monkeypatch.setenv("JWT_AUDIENCE", "environment")
    assert setting("LOG_LEVEL") == InForce("LOG_LEVEL", "error", "file")
    assert setting("JWT_ISSUER") == InForce("JWT_ISSUER", "dotenv", ".env")
    assert setting("JWT_AUDIENCE") == InForce("JWT_AUDIENCE", "environment", "environment")
    assert setting("JWT_ALGORITHM") == InForce("JWT_ALGORITHM", "HS256", "default")
    tokens = load(TokenSettings)
    assert (tokens.jwt_issuer, tokens.jwt_audience) == ("dotenv", "environment")


def test_each_setting_is_listed_once() -> None:
    listed = [one.name for one in in_force()]
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
def test_a_password_in_a_url_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, url: str, shown: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert setting("DATABASE_URL").value == shown


def test_secrets_are_not_shown(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", "canary")
    (nowhere / "openai_api_key").write_text("canary")
    (nowhere / ".env").write_text("WEB_AUTH_API_KEY=canary\nJWT_PREVIOUS_SECRET_KEYS=canary\n")
    assert "canary" not in str(in_force())
    for name in ("JWT_SECRET_KEY", "OPENAI_API_KEY", "WEB_AUTH_API_KEY"):
        assert setting(name).value == "***"


def test_slips_are_named(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nowhere / ".env").write_text("LOGLEVEL=debug\n")
    for name in ("DATABSE_URL", "GYMLOCKER_LOG_LEVEL", "GYMLOCKER_NONSENSE", "GYMLOCKER_SESSION"):
        monkeypatch.setenv(name, "canary")
    # Of other programs.
    for name in ("POSTGRES_PASSWORD", "OPENAI_ORG_ID", "database_urls"):
        monkeypatch.setenv(name, "canary")
    assert [(one.name, one.meant) for one in misspelt()] == [
        ("DATABSE_URL", "DATABASE_URL"),
        ("GYMLOCKER_LOG_LEVEL", "LOG_LEVEL"),
        ("GYMLOCKER_NONSENSE", None),
        ("LOGLEVEL", "LOG_LEVEL"),
    ]
    assert "canary" not in " ".join(map(str, misspelt()))


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
def test_names_that_lack_a_word_are_named(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "canary")
    assert [(one.name, one.meant) for one in misspelt()] == [(name, meant)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Database__ConnectionString", "here it is DATABASE_URL"),
        ("DATABASE__CONNECTIONSTRING", "here it is DATABASE_URL"),
        ("ConnectionStrings__RateLimitContext", "here it is RATE_LIMIT_DATABASE_URL"),
        ("Database__Provider", "there is no such setting here"),
        ("WebAuthApiKey", "here it is WEB_AUTH_API_KEY"),
        ("AiPlanner__AnthropicApiKey", "here it is OPENAI_API_KEY"),
        ("OpenAiApiKey", "here it is OPENAI_API_KEY"),
        ("GooglePlayServiceAccountEmail", "here it is GOOGLE_SERVICE_ACCOUNT_FILE"),
        ("Auth__PurchaseToken__RevenueCatApiKey", "here it is REVENUECAT_API_KEY"),
        ("Auth__ApiKey__Value", "LiftLog's"),
    ],
)
def test_liftlogs_own_names_are_told_what_they_are_here(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.setenv(name, "canary")
    (found,) = misspelt()
    assert str(found).startswith(f"{name} is set, which is LiftLog's: ")
    assert said in str(found) and "canary" not in str(found)


def test_what_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", URL)
    assert faults() == []
    monkeypatch.setenv("AI_STREAMS", "canary")
    (found,) = faults()
    assert "AI_STREAMS" in found and "canary" not in found


def test_dotenv_that_is_wrong_is_an_error_as_the_environment_is(nowhere: Path) -> None:
    (nowhere / ".env").write_text(f"DATABASE_URL={URL}\nLOG_LEVEL=loud\n")
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


def test_the_command(nowhere: Path) -> None:
    run = gymlocker("config", DATABASE_URL=URL, LOG_LEVLE="info")
    assert run.returncode == 0
    assert "DATABASE_URL=postgresql://user:***@host/name" in run.stdout
    assert "LOG_LEVLE is set, but there is no such setting. Do you mean LOG_LEVEL?" in run.stderr
    run = gymlocker("config", LOG_LEVEL="loud")
    assert run.returncode == 1
    assert "LOG_LEVEL: " in run.stderr and "DATABASE_URL" not in run.stderr


UP = ("up", "--port=0")
SERVE = ("serve", "--listen=127.0.0.1:0")
WEB = ("web", "--listen=127.0.0.1:0", "--worker=127.0.0.1:1")
GATEWAY = ("gateway", "--listen=127.0.0.1:0", "--worker=127.0.0.1:1")
LOUD = ("LOG_LEVEL", "loud", "Invalid settings: LOG_LEVEL: ")
SHORT = ("JWT_SECRET_KEY", "short", "JWT_SECRET_KEY: a key is shorter than 32 bytes")
MISSING = ("SSL_CERT_FILE", "/missing", "SSL_CERT_FILE: /missing cannot be read (No such file")
HALF = ("GOOGLE_PACKAGE_NAME", "half of it", "GOOGLE_PRODUCT_ID")


# The web process and the front door have no keys, and ask nobody whom they have to trust.
@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        *((command, LOUD) for command in (UP, SERVE, WEB, GATEWAY)),
        *((command, SHORT) for command in (UP, SERVE)),
        *((command, MISSING) for command in (UP, SERVE, ("doctor",))),
        (UP, HALF),
    ],
)
def test_a_wrong_value_is_one_sentence_before_anything_is_started(
    nowhere: Path, command: tuple[str, ...], wrong: tuple[str, str, str]
) -> None:
    name, value, sentence = wrong
    right = {"DATABASE_URL": URL, "JWT_SECRET_KEY": JWT_SECRET_KEY} if command is SERVE else {}
    run = gymlocker(*command, **{**right, name: value})
    assert (run.returncode, run.stdout, len(run.stderr.splitlines())) == (1, "", 1)
    assert sentence in run.stderr
    assert list(nowhere.iterdir()) == []


def test_what_up_makes_itself_need_not_be_set() -> None:
    run = gymlocker("config")
    assert (run.returncode, run.stderr) == (0, "")
    lines = {line.partition("=")[0]: line for line in run.stdout.splitlines()}
    assert lines["DATABASE_URL"].endswith("# default: embedded under `up`, required elsewhere")
    assert lines["JWT_SECRET_KEY"].endswith(
        "# default: generated once under `up`, required elsewhere"
    )


def test_a_dotenv_that_is_not_text_is_one_sentence(nowhere: Path) -> None:
    (nowhere / ".env").write_text("LOG_LEVEL=debug\n", encoding="utf-16")
    for command in (("config",), ("up", "--port=0"), ("migrate",), ("doctor",)):
        run = gymlocker(*command)
        assert run.returncode == 1
        assert run.stderr == f"{nowhere}/.env is not UTF-8 text: save it as UTF-8.\n"
