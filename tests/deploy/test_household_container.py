"""The command of docker-compose.yml, run without rights by a user unknown to this machine."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.deploy import files
from tests.deploy.running import PLAIN
from tests.support.ports import free_port
from tests.support.process import killed_on_error
from tests.support.waiting import TIMEOUT

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can run it as another user"),
]

# Any but those of this machine and the image.
PUID = 54321
ACCOUNT = {"username": "ada", "password": "correct horse battery"}
BACKUP = b"\x1f\x8b\x08\x00backup"
# The interpreter may be in root's home; this right allows to read only.
CAN_READ = "-all,+dac_read_search"


def login(url: str) -> dict[str, str]:
    """Return the header of an access token."""
    response = httpx2.post(f"{url}/auth/login", json=ACCOUNT)
    return {"authorization": f"Bearer {response.json()['access_token']}"}


@pytest.fixture
def nss_wrapper() -> None:
    """The library with which PostgreSQL finds a name for the user."""
    if next(Path("/usr/lib").glob("*/libnss_wrapper.so"), None) is None:
        missing = "libnss-wrapper: not installed"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)


@pytest.fixture
def volume() -> Iterator[Path]:
    """A folder that any user can reach."""
    path = Path(f"/var/tmp/gymlocker-volume-{os.getpid()}")
    path.mkdir(mode=0o700)
    yield path
    shutil.rmtree(path)


def command(volume: Path, port: int) -> list[str]:
    """Return the command with another folder and port, for PUID."""
    words = list(files.household_command().words)
    words[words.index("--data-dir") + 1] = str(volume)
    words += ["--port", str(port)]
    user = [f"--reuid={PUID}", f"--regid={PUID}", "--clear-groups", "--no-new-privs"]
    rights = [f"--{kind}={CAN_READ}" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
    return ["setpriv", *user, *rights, sys.executable, "-P", "-m", "server", *words]


@contextmanager
def running(volume: Path) -> Iterator[str]:
    """Run the container's command; yield its URL."""
    port = free_port()
    environment = {**PLAIN, "HOME": "/"}
    with killed_on_error(
        subprocess.Popen(
            command(volume, port), env=environment, cwd="/", stdout=subprocess.PIPE, text=True
        )
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert "Gymlocker is ready" in line
            yield f"http://127.0.0.1:{port}"
        finally:
            # As `docker stop` does.
            process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) == 0


class TestContainer:
    @pytest.mark.usefixtures("nss_wrapper")
    def test_keeps_its_data_in_the_volume(self, volume: Path) -> None:
        os.chown(volume, PUID, PUID)
        with running(volume) as url:
            httpx2.post(f"{url}/auth/register", json=ACCOUNT).raise_for_status()
            stored = httpx2.post(f"{url}/backup", content=BACKUP, headers=login(url))
            stored.raise_for_status()
            words = [*files.household_health().words]
            words[words.index("--address") + 1] = url.removeprefix("http://")
            subprocess.run([sys.executable, "-P", "-m", "server", *words], env=PLAIN, check=True)
        owners = {path.lstat().st_uid for path in volume.rglob("*")}
        assert owners == {PUID}
        for key in ("jwt-secret-key", "backup-age-identity", "vapid-private-key.pem"):
            assert (volume / key).stat().st_mode & 0o777 == 0o600
        with running(volume) as url:
            assert httpx2.get(f"{url}/backup", headers=login(url)).content == BACKUP

    def test_names_the_owner_of_a_folder_that_it_may_not_write(self, volume: Path) -> None:
        ended = subprocess.run(
            command(volume, free_port()), env=PLAIN, cwd="/", capture_output=True, text=True
        )
        assert ended.returncode == 1
        assert f"{volume} belongs to the user id 0, and Gymlocker runs as {PUID}." in ended.stderr
        assert f"`chown -R {PUID}:{PUID}`" in ended.stderr
        assert "PUID and PGID" in ended.stderr
