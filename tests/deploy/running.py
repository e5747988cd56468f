"""docker-compose.yml without containers: its commands, as plain processes.

What differs from containers is replaced and nothing else: names of services by addresses, the
folder of secrets by one that holds what the service is shown, and PostgreSQL by that of the tests.
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

# What every process on this machine is told; nothing of Gymlocker's.
PLAIN = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
    name: os.environ.get(name, "") for name in ("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")
}
GYMLOCKER = (sys.executable, "-P", "-m", "server")


@dataclass
class Replica:
    """A container that would be: its command line, its environment and its process."""

    name: str
    address: str
    words: list[str]
    environment: Mapping[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = field(default=None, init=False)

    async def start(self) -> None:
        """Starts it; returns when it is what its health check asks for."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *GYMLOCKER, *self.words, env=self.environment, stdout=log, stderr=log
            )
        await eventually_true(self._serves)

    async def _serves(self) -> bool:
        """Whether it is well, asked from here: a process for each question would slow down all."""
        assert self.process is not None
        assert self.process.returncode is None, self.log.read_text()
        ask = check_http if self.name == "web" else check
        try:
            await ask(self.address, 2)
        except StartError:
            return False
        return True

    async def healthy(self) -> bool:
        """Whether the health check that the file has for it succeeds."""
        words = list(files.health_of_service(self.name).words)
        words[words.index("--address") + 1] = self.address
        asked = await asyncio.create_subprocess_exec(
            *GYMLOCKER, *words, env=PLAIN, stderr=subprocess.DEVNULL
        )
        return await asked.wait() == 0

    async def stop(self) -> int:
        """Stops it as `docker stop` does, within the time it is given; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        grace = files.seconds(files.own_services()[self.name].get("stop_grace_period", "10s"))
        async with asyncio.timeout(grace):
            return await self.process.wait()

    async def end(self) -> None:
        """Leaves nothing behind."""
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@dataclass(frozen=True)
class Composed:
    """What `docker compose up --scale server=N` would run."""

    url: str
    servers: list[Replica]
    web: Replica
    gateway: Replica

    @property
    def replicas(self) -> list[Replica]:
        """All of them, in the order in which they start."""
        return [*self.servers, self.web, self.gateway]

    def logs(self) -> str:
        """All that was written so far."""
        return "".join(replica.log.read_text() for replica in self.replicas)


def made_secrets(folder: Path) -> Path:
    """Runs what docker-compose.yml says at its top to make secrets; returns their folder."""
    lines = [line.strip() for line in files.comment_of_compose() if line.startswith("   ")]
    script = "\n".join(line for line in lines if not line.startswith("docker"))
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, check=True)
    return folder / "secrets"


def shown(secrets: Path, service: str, folder: Path) -> dict[str, str]:
    """The environment of a service, with the secrets that it is shown."""
    folder.mkdir()
    for name in files.own_services()[service].get("secrets", []):
        (folder / name).symlink_to(secrets / name)
    # All callers of a test have one address.
    return {**PLAIN, **UNLIMITED, "SECRETS_DIR": str(folder)}


def placed(command: Command, addresses: Mapping[str, list[str]]) -> list[str]:
    """A command line with addresses: `--listen` of its own, and those of others for their names."""
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


async def migrated(secrets: Path, folder: Path) -> None:
    """Runs what `migrate` does, to its end."""
    process = await asyncio.create_subprocess_exec(
        *GYMLOCKER,
        *files.service_command("migrate").words,
        env=shown(secrets, "migrate", folder / "migrate"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


@asynccontextmanager
async def composed(
    folder: Path, database_url: str, ports: Mapping[str, list[int]]
) -> AsyncIterator[Composed]:
    """Runs everything, in the order of the file; `ports` are those of each replica."""
    secrets = made_secrets(folder)
    told = secrets / "database_url"
    # What the commands made is for the PostgreSQL of the file.
    assert re.fullmatch(
        r"postgresql://gymlocker:[0-9a-f]{48}@postgres/gymlocker\n", told.read_text()
    )
    told.write_text(database_url)
    addresses = {name: [f"127.0.0.1:{port}" for port in each] for name, each in ports.items()}

    def replica(name: str, number: int = 0) -> Replica:
        own = addresses[name][number]
        place = folder / f"{name}-{number}"
        return Replica(
            name,
            own,
            placed(files.service_command(name), {**addresses, "self": [own]}),
            shown(secrets, name, place),
            place.with_suffix(".log"),
        )

    composed = Composed(
        url=f"http://{addresses['gateway'][0]}",
        servers=[replica("server", number) for number in range(len(ports["server"]))],
        web=replica("web"),
        gateway=replica("gateway"),
    )
    await migrated(secrets, folder)
    async with AsyncExitStack() as stack:
        for stage in (composed.servers, [composed.web], [composed.gateway]):
            for each in stage:
                stack.push_async_callback(each.end)
            async with asyncio.TaskGroup() as starting:
                for each in stage:
                    starting.create_task(each.start())
        yield composed
