"""`gymlocker doctor`: each fault that it looks for is made here, and found."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from server.errors import StartError
from server.libraries.database.migrations import migrate
from server.programs.diagnostics import databases
from server.programs.diagnostics.configuration import names
from server.programs.diagnostics.doctor import examine
from server.programs.diagnostics.finding import Finding, Level
from server.programs.diagnostics.report import report
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.support.stack import Stack
from tests.support.worker import JWT_SECRET_KEY

OK, WARNING, FAULT = Level.OK, Level.WARNING, Level.FAULT
NOBODY = "127.0.0.1:1"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing is set, and a current folder that is empty."""
    for name in names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


async def found(subject: str, url: str | None = None) -> list[Finding]:
    """What is found out about a subject."""
    return [finding async for finding in examine(url) if finding.subject == subject]


async def test_a_fresh_clone_has_no_fault() -> None:
    assert [one async for one in examine(None) if one.level is FAULT] == []


async def test_a_database_that_is_up_to_date(
    environment: pytest.MonkeyPatch, empty_database: str
) -> None:
    environment.setenv("DATABASE_URL", empty_database)
    (fault,) = [one for one in await found("database") if one.level is FAULT]
    assert (fault.text, fault.advice) == ("is not up to date", "Run: gymlocker migrate")
    await migrate(empty_database, None, lambda _: None)
    assert {one.level for one in await found("database")} == {OK}


@pytest.mark.parametrize(
    ("schema", "statement"),
    [
        ("feed_9999", "UPDATE alembic_version SET version_num = $1 WHERE version_num LIKE 'feed%'"),
        ("inventions_0001", "INSERT INTO alembic_version VALUES ($1)"),
    ],
)
async def test_a_database_that_a_newer_release_has_migrated(
    environment: pytest.MonkeyPatch, empty_database: str, schema: str, statement: str
) -> None:
    """It is refused by `migrate` and `up`; doctor says it in the same words."""
    await migrate(empty_database, None, lambda _: None)
    connection = await asyncpg.connect(empty_database)
    await connection.execute(statement, schema)
    await connection.close()
    with pytest.raises(StartError, match=f"was migrated by a newer Gymlocker .*{schema}"):
        await migrate(empty_database, None, lambda _: None)
    environment.setenv("DATABASE_URL", empty_database)
    (fault,) = [one for one in await found("database") if one.level is FAULT]
    assert fault.text == f"was migrated by a newer Gymlocker ({schema})"
    assert fault.advice == "Update this one."


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda url: url.replace("gymlocker?", "nowhere?"), "does not exist"),
        (lambda url: f"postgresql://user:canary@{NOBODY}/name", f"is out of reach at {NOBODY}"),
    ],
)
async def test_a_database_that_is_not_there(
    environment: pytest.MonkeyPatch,
    postgres: TemporaryPostgres,
    change: object,
    text: str,
) -> None:
    assert callable(change)
    environment.setenv("DATABASE_URL", change(postgres.url("gymlocker")))
    (fault,) = await found("database")
    assert fault.level is FAULT and text in fault.text and "canary" not in str(fault)


async def test_clocks_that_differ(
    environment: pytest.MonkeyPatch, postgres: TemporaryPostgres
) -> None:
    environment.setattr(databases, "SKEW_SECONDS", -1)
    environment.setenv("DATABASE_URL", postgres.url("gymlocker"))
    assert any("differs from this machine's" in one.text for one in await found("database"))


@pytest.mark.parametrize(
    ("key", "level"), [(None, WARNING), ("short", FAULT), ("0f" * 32, FAULT), (JWT_SECRET_KEY, OK)]
)
async def test_keys(environment: pytest.MonkeyPatch, key: str | None, level: Level) -> None:
    if key:
        environment.setenv("JWT_SECRET_KEY", key)
    (finding,) = await found("access tokens")
    assert finding.level is level


async def test_settings(environment: pytest.MonkeyPatch) -> None:
    assert [one.level for one in await found("settings")] == [OK]
    environment.setenv("LOG_LEVEL", "loud")
    (fault,) = await found("settings")
    assert "LOG_LEVEL" in fault.text and "DATABASE_URL" not in fault.text
    environment.delenv("LOG_LEVEL")
    environment.setenv("LOG_LEVLE", "info")
    environment.setenv("AI_STREAMS", "none")
    assert [one.level for one in await found("settings")] == [FAULT, WARNING]


async def test_envoy(environment: pytest.MonkeyPatch) -> None:
    assert [one.level for one in await found("envoy")] == [OK]
    environment.setitem(sys.modules, "envoy", None)
    (fault,) = await found("envoy")
    assert (fault.level, fault.text) == (FAULT, "is not installed")


@pytest.fixture
async def models() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server of models, and the reply that it gives."""
    reply = [b"200 OK", b'{"data": [{"id": "small"}]}']

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % (reply[0], len(reply[1])) + reply[1])
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", reply


@pytest.mark.parametrize(
    ("reply", "model", "level", "text"),
    [
        (None, "small", OK, "small is there"),
        (None, "large", FAULT, "large is not there"),
        ((b"401 Unauthorized", b"canary"), "small", FAULT, "refuses the key"),
        ((b"404 Not Found", b"canary"), "small", WARNING, "answers 404"),
        ((b"200 OK", b"canary"), "small", WARNING, "does not answer as OpenAI does"),
        ((b"200 OK", b"{}"), "small", WARNING, "does not answer as OpenAI does"),
    ],
)
async def test_the_language_model(
    environment: pytest.MonkeyPatch,
    models: tuple[str, list[bytes]],
    reply: tuple[bytes, bytes] | None,
    model: str,
    level: Level,
    text: str,
) -> None:
    url, replies = models
    replies[:] = reply or replies
    environment.setenv("OPENAI_BASE_URL", url)
    environment.setenv("OPENAI_MODEL", model)
    (finding,) = await found("language model")
    assert finding.level is level and text in finding.text and "canary" not in str(finding)


async def test_a_language_model_that_is_not_there(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OPENAI_BASE_URL", f"http://{NOBODY}/v1")
    (finding,) = await found("language model")
    assert finding.level is FAULT and "out of reach" in finding.text
    (finding,) = await found("stores")
    assert finding.level is WARNING and "refuses everybody" in finding.text
    environment.setenv("WEB_AUTH_API_KEY", "a-key")
    (finding,) = await found("stores")
    assert (finding.level, finding.text) == (OK, "Web count as buyers")
    environment.setenv("GOOGLE_PACKAGE_NAME", "half of it")
    (finding,) = await found("stores")
    assert finding.level is FAULT and "GOOGLE_" in finding.text


async def test_a_running_server(stack: Stack) -> None:
    (finding,) = await found("server", stack.url)
    assert finding.level is OK
    (finding,) = await found("server", f"http://{NOBODY}")
    assert finding.level is FAULT
    (finding,) = await found("server", f"{stack.url}/nowhere")
    assert "answers 404" in finding.text


async def test_findings_are_printed_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    async def findings(*levels: Level) -> AsyncIterator[Finding]:
        for level in levels:
            yield Finding("it", level, "is so", "" if level is OK else "Do this.")

    assert await report(findings(OK, WARNING))
    assert not await report(findings(FAULT, OK))
    printed = capsys.readouterr().out
    assert "ok      it: is so\n" in printed
    assert "fault   it: is so\n        → Do this.\n" in printed
