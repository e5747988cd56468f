"""Commands of the deployment files, run as plain processes."""

import asyncio
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.deploy import files
from tests.deploy.running import PLAIN, composed
from tests.deploy.test_image import image_environment
from tests.faults.traffic import traffic
from tests.support.ports import free_port
from tests.support.process import killed_on_error
from tests.support.waiting import TIMEOUT, wait_until
from tests.support.worker import JWT_SECRET_KEY

pytestmark = pytest.mark.extended


def calls_before_and_after(log: str) -> list[bool]:
    """Return whether a worker logged calls before its restart, and after it."""
    parts = log.split('"event":"stopping"')[:2]
    return ['"event":"call"' in part for part in parts]


def is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


async def test_rolling_restart_of_workers_fails_no_call(
    empty_database: str, tmp_path: Path
) -> None:
    ports = {
        "server": [free_port(), free_port()],
        "web": [free_port()],
        "gateway": [free_port()],
    }
    async with composed(tmp_path, empty_database, ports) as stack:
        assert all(await asyncio.gather(*(each.healthy() for each in stack.replicas)))
        async with traffic(stack.url, callers=1) as users:
            for worker in stack.servers:
                assert await worker.stop() == 0
                await worker.start()
                await users.until_success()
        assert [str(error) for error in users.errors] == []
        for worker in stack.servers:
            assert calls_before_and_after(worker.log.read_text()) == [True, True]
        key = (tmp_path / "secrets" / "jwt_secret_key").read_text().strip()
        assert key not in stack.logs()
        assert await stack.web.stop() == 0
        await stack.gateway.stop()


def test_image_command_uses_the_database_in_a_secret_file(
    empty_database: str, tmp_path: Path
) -> None:
    secrets, data = tmp_path / "secrets", tmp_path / "data"
    secrets.mkdir()
    (secrets / "database_url").write_text(f"{empty_database}\n")
    (secrets / "jwt_secret_key").write_text(JWT_SECRET_KEY)
    port = free_port()
    words = list(files.image_command().words)
    for option, value in (("--port", str(port)), ("--data-dir", str(data))):
        words[words.index(option) + 1] = value
    environment = {**PLAIN, **image_environment(tmp_path), "SECRETS_DIR": str(secrets)}
    with killed_on_error(
        subprocess.Popen(
            [sys.executable, "-P", "-m", "server", *words], env=environment, cwd=tmp_path
        )
    ) as process:
        try:
            wait_until(lambda: process.poll() is not None or is_healthy(port))
            assert process.poll() is None
            # It creates neither a database nor a key for tokens, because both are configured.
            made = {"backup-age-identity", "backups", "vapid-private-key.pem"}
            assert {path.name for path in data.iterdir()} == {"lock", "logs", "run"} | made
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) == 0
