"""deploy/compose/production.yml without containers: its commands run as plain processes.

Only the differences to containers are replaced: service names by addresses, the secrets folder by
one with the secrets of the service, and PostgreSQL by that of the tests.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from server.errors import StartError
from server.programs.diagnostics.health import check, check_http
from tests.deploy import files
from tests.deploy.files import Command
from tests.support.stack import UNLIMITED
from tests.support.waiting import eventually_true

# Environment of every process; it contains no settings of Gymlocker.
PLAIN = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
    name: os.environ.get(name, "") for name in ("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")
}
GYMLOCKER = (sys.executable, "-P", "-m", "server")


@dataclass
class Replica:
    """The equivalent of a container: a command line, an environment and a process."""

    name: str
    address: str
    words: list[str]
    environment: Mapping[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = field(default=None, init=False)

    async def start(self) -> None:
        """Start the process; return when it is healthy."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *GYMLOCKER, *self.words, env=self.environment, stdout=log, stderr=log
            )
        await eventually_true(self._is_healthy)

    async def _is_healthy(self) -> bool:
        """Check health in this process: starting one for each check would slow down the tests."""
        assert self.process is not None
        assert self.process.returncode is None, self.log.read_text()
        check_health = check_http if self.name == "web" else check
        try:
            await check_health(self.address, 2)
        except StartError:
            return False
        return True

    async def healthy(self) -> bool:
        """Run the health check of production.yml; return whether it succeeds."""
        words = list(files.health_of_service(self.name).words)
        words[words.index("--address") + 1] = self.address
        process = await asyncio.create_subprocess_exec(
            *GYMLOCKER, *words, env=PLAIN, stderr=subprocess.DEVNULL
        )
        return await process.wait() == 0

    async def stop(self) -> int:
        """Stop it like `docker stop`, within its grace period; return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        grace = files.seconds(files.own_services()[self.name].get("stop_grace_period", "10s"))
        async with asyncio.timeout(grace):
            return await self.process.wait()

    async def kill(self) -> None:
        """Kill the process if it is still running."""
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@dataclass(frozen=True)
class Composed:
    """The processes of `docker compose up --scale server=N`."""

    url: str
    servers: list[Replica]
    web: Replica
    gateway: Replica

    @property
    def replicas(self) -> list[Replica]:
        """All replicas in start order."""
        return [*self.servers, self.web, self.gateway]

    def logs(self) -> str:
        """Return all log output so far."""
        return "".join(replica.log.read_text() for replica in self.replicas)


def make_secrets(folder: Path) -> Path:
    """Run the commands in production.yml that create secrets; return their folder."""
    lines = [line.strip() for line in files.comment_of_compose() if line.startswith("   ")]
    script = "\n".join(line for line in lines if not line.startswith("docker"))
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, check=True)
    return folder / "secrets"


def environment_of(service: str, secrets: Path, folder: Path) -> dict[str, str]:
    """Return the environment of a service, with access to its own secrets only."""
    folder.mkdir()
    for name in files.own_services()[service].get("secrets", []):
        (folder / name).symlink_to(secrets / name)
    # All clients of a test have one address.
    return {**PLAIN, **UNLIMITED, "SECRETS_DIR": str(folder)}


def with_addresses(command: Command, addresses: Mapping[str, list[str]]) -> list[str]:
    """Replace the address in `--listen`, and the service names in `--worker` and `--web`."""
    words: list[str] = []
    for option, value in zip(["", *command.words], [*command.words, ""], strict=True):
        if not value.startswith("--") and option in ("--worker", "--web"):
            name = value.partition(":")[0]
            words.pop()
            words += [word for address in addresses[name] for word in (option, address)]
        elif option == "--listen":
            words += addresses["self"]
        elif value:
            words.append(value)
    return words


async def migrate(secrets: Path, folder: Path) -> None:
    """Run the command of the `migrate` service to its end."""
    process = await asyncio.create_subprocess_exec(
        *GYMLOCKER,
        *files.service_command("migrate").words,
        env=environment_of("migrate", secrets, folder / "migrate"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


@asynccontextmanager
async def composed(
    folder: Path, database_url: str, ports: Mapping[str, list[int]]
) -> AsyncIterator[Composed]:
    """Run all services in the order of the file. `ports` contains the ports of their replicas."""
    secrets = make_secrets(folder)
    database = secrets / "database_url"
    # The generated URL is that of the PostgreSQL service.
    assert re.fullmatch(
        r"postgresql://gymlocker:[0-9a-f]{48}@postgres/gymlocker\n", database.read_text()
    )
    database.write_text(database_url)
    addresses = {name: [f"127.0.0.1:{port}" for port in each] for name, each in ports.items()}

    def replica(name: str, number: int = 0) -> Replica:
        own = addresses[name][number]
        place = folder / f"{name}-{number}"
        return Replica(
            name,
            own,
            with_addresses(files.service_command(name), {**addresses, "self": [own]}),
            environment_of(name, secrets, place),
            place.with_suffix(".log"),
        )

    composed = Composed(
        url=f"http://{addresses['gateway'][0]}",
        servers=[replica("server", number) for number in range(len(ports["server"]))],
        web=replica("web"),
        gateway=replica("gateway"),
    )
    await migrate(secrets, folder)
    async with AsyncExitStack() as stack:
        for stage in (composed.servers, [composed.web], [composed.gateway]):
            for each in stage:
                stack.push_async_callback(each.kill)
            async with asyncio.TaskGroup() as starting:
                for each in stage:
                    starting.create_task(each.start())
        yield composed
