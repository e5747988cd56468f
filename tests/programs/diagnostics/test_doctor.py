"""`gymlocker doctor`: every fault that it checks for is caused here, and found."""

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
UNUSED = "127.0.0.1:1"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without settings, and an empty current folder."""
    for name in names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


async def findings_about(subject: str, url: str | None = None) -> list[Finding]:
    """Return the findings about a subject."""
    return [finding async for finding in examine(url) if finding.subject == subject]


async def test_fresh_clone_has_no_fault() -> None:
    assert [one async for one in examine(None) if one.level is FAULT] == []


class TestDatabases:
    async def test_reports_pending_migrations_until_migrated(
        self, environment: pytest.MonkeyPatch, empty_database: str
    ) -> None:
        environment.setenv("DATABASE_URL", empty_database)
        (fault,) = [one for one in await findings_about("database") if one.level is FAULT]
        assert (fault.text, fault.advice) == ("is not up to date", "Run: gymlocker migrate")
        await migrate(empty_database, None, lambda _: None)
        assert {one.level for one in await findings_about("database")} == {OK}

    @pytest.mark.parametrize(
        ("schema", "statement"),
        [
            (
                "feed_9999",
                "UPDATE alembic_version SET version_num = $1 WHERE version_num LIKE 'feed%'",
            ),
            ("inventions_0001", "INSERT INTO alembic_version VALUES ($1)"),
        ],
    )
    async def test_reports_schema_of_newer_release(
        self, environment: pytest.MonkeyPatch, empty_database: str, schema: str, statement: str
    ) -> None:
        """`migrate` and `up` reject it with the same sentence."""
        await migrate(empty_database, None, lambda _: None)
        connection = await asyncpg.connect(empty_database)
        await connection.execute(statement, schema)
        await connection.close()
        with pytest.raises(StartError, match=f"was migrated by a newer Gymlocker .*{schema}"):
            await migrate(empty_database, None, lambda _: None)
        environment.setenv("DATABASE_URL", empty_database)
        (fault,) = [one for one in await findings_about("database") if one.level is FAULT]
        assert fault.text == f"was migrated by a newer Gymlocker ({schema})"
        assert fault.advice == "Update Gymlocker."

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            (lambda url: url.replace("gymlocker?", "nowhere?"), "does not exist"),
            (lambda url: f"postgresql://user:canary@{UNUSED}/name", f"is unreachable at {UNUSED}"),
        ],
    )
    async def test_reports_missing_database_without_password(
        self,
        environment: pytest.MonkeyPatch,
        postgres: TemporaryPostgres,
        change: object,
        text: str,
    ) -> None:
        assert callable(change)
        environment.setenv("DATABASE_URL", change(postgres.url("gymlocker")))
        (fault,) = await findings_about("database")
        assert fault.level is FAULT and text in fault.text and "canary" not in str(fault)

    async def test_reports_clock_skew(
        self, environment: pytest.MonkeyPatch, postgres: TemporaryPostgres
    ) -> None:
        environment.setattr(databases, "MAX_SKEW_SECONDS", -1)
        environment.setenv("DATABASE_URL", postgres.url("gymlocker"))
        assert any(
            "differs from this machine's" in one.text for one in await findings_about("database")
        )


class TestKeys:
    @pytest.mark.parametrize(
        ("key", "level"),
        [(None, WARNING), ("short", FAULT), ("0f" * 32, FAULT), (JWT_SECRET_KEY, OK)],
    )
    async def test_reports_missing_and_weak_keys(
        self, environment: pytest.MonkeyPatch, key: str | None, level: Level
    ) -> None:
        if key:
            environment.setenv("JWT_SECRET_KEY", key)
        (finding,) = await findings_about("access tokens")
        assert finding.level is level


class TestSettings:
    async def test_reports_invalid_and_unknown_settings(
        self, environment: pytest.MonkeyPatch
    ) -> None:
        assert [one.level for one in await findings_about("settings")] == [OK]
        environment.setenv("LOG_LEVEL", "loud")
        (fault,) = await findings_about("settings")
        assert "LOG_LEVEL" in fault.text and "DATABASE_URL" not in fault.text
        environment.delenv("LOG_LEVEL")
        environment.setenv("LOG_LEVLE", "info")
        environment.setenv("AI_STREAMS", "none")
        assert [one.level for one in await findings_about("settings")] == [FAULT, WARNING]


class TestEnvoy:
    async def test_reports_missing_package(self, environment: pytest.MonkeyPatch) -> None:
        assert [one.level for one in await findings_about("envoy")] == [OK]
        environment.setitem(sys.modules, "envoy", None)
        (fault,) = await findings_about("envoy")
        assert (fault.level, fault.text) == (FAULT, "is not installed")


@pytest.fixture
async def models() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server of language models, and the response that it gives."""
    response = [b"200 OK", b'{"data": [{"id": "small"}]}']

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % (response[0], len(response[1])) + response[1])
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", response


class TestLanguageModel:
    @pytest.mark.parametrize(
        ("answer", "model", "level", "text"),
        [
            (None, "small", OK, "small exists"),
            (None, "large", FAULT, "large does not exist"),
            ((b"401 Unauthorized", b"canary"), "small", FAULT, "rejects the key"),
            ((b"404 Not Found", b"canary"), "small", WARNING, "models with 404"),
            ((b"200 OK", b"canary"), "small", WARNING, "does not answer like OpenAI's API"),
            ((b"200 OK", b"{}"), "small", WARNING, "does not answer like OpenAI's API"),
        ],
    )
    async def test_reports_model_without_quoting_response(
        self,
        environment: pytest.MonkeyPatch,
        models: tuple[str, list[bytes]],
        answer: tuple[bytes, bytes] | None,
        model: str,
        level: Level,
        text: str,
    ) -> None:
        url, response = models
        response[:] = answer or response
        environment.setenv("OPENAI_BASE_URL", url)
        environment.setenv("OPENAI_MODEL", model)
        (finding,) = await findings_about("language model")
        assert finding.level is level and text in finding.text and "canary" not in str(finding)

    async def test_reports_unreachable_model_and_missing_store(
        self, environment: pytest.MonkeyPatch
    ) -> None:
        environment.setenv("OPENAI_BASE_URL", f"http://{UNUSED}/v1")
        (finding,) = await findings_about("language model")
        assert finding.level is FAULT and "unreachable" in finding.text
        (finding,) = await findings_about("stores")
        assert finding.level is WARNING and "rejects all requests" in finding.text
        environment.setenv("WEB_AUTH_API_KEY", "a-key")
        (finding,) = await findings_about("stores")
        assert (finding.level, finding.text) == (OK, "accept buyers from Web")
        environment.setenv("GOOGLE_PACKAGE_NAME", "half of it")
        (finding,) = await findings_about("stores")
        assert finding.level is FAULT and "GOOGLE_" in finding.text


class TestServer:
    async def test_reports_unhealthy_server(self, stack: Stack) -> None:
        (finding,) = await findings_about("server", stack.url)
        assert finding.level is OK
        (finding,) = await findings_about("server", f"http://{UNUSED}")
        assert finding.level is FAULT
        (finding,) = await findings_about("server", f"{stack.url}/nowhere")
        assert "answers 404" in finding.text


class TestReport:
    async def test_prints_findings_with_advice(self, capsys: pytest.CaptureFixture[str]) -> None:
        async def findings(*levels: Level) -> AsyncIterator[Finding]:
            for level in levels:
                yield Finding("it", level, "is so", "" if level is OK else "Do this.")

        assert await report(findings(OK, WARNING))
        assert not await report(findings(FAULT, OK))
        printed = capsys.readouterr().out
        assert "ok      it: is so\n" in printed
        assert "fault   it: is so\n        → Do this.\n" in printed
