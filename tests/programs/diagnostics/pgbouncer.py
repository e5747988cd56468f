"""A real PgBouncer in front of a PostgreSQL."""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg

from server.libraries.process.system_user import database_user
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.support.ports import free_port
from tests.support.waiting import eventually_true

# The first version that carries prepared statements over between its connections.
SUPPORTS_PREPARED_STATEMENTS = (1, 21)


def version() -> tuple[int, ...]:
    """Return the version of the installed PgBouncer."""
    printed = subprocess.run(["pgbouncer", "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"PgBouncer (\d+)\.(\d+)", printed.stdout)
    assert found is not None
    return tuple(map(int, found.groups()))


def prepared_statements() -> dict[str, object]:
    """Return the settings with which it carries prepared statements over."""
    supported = version() >= SUPPORTS_PREPARED_STATEMENTS
    return {"max_prepared_statements": 200} if supported else {}


@asynccontextmanager
async def pgbouncer(
    postgres: TemporaryPostgres, folder: Path, **settings: object
) -> AsyncIterator[int]:
    """Run a PgBouncer with `settings`; yield its port."""
    port, socket = free_port(), parse_qs(urlsplit(postgres.url()).query)["host"][0]
    (folder / "users.txt").write_text('"gymlocker" "canary"\n')
    configuration = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "auth_file": folder / "users.txt",
        **settings,
    }
    lines = [f"* = host={socket} port=5432 user=gymlocker", "[pgbouncer]"]
    lines += [f"{name} = {value}" for name, value in configuration.items()]
    (folder / "pgbouncer.ini").write_text("\n".join(["[databases]", *lines, ""]))
    user = database_user(folder / "nothing")
    if user is not None:
        # Like PostgreSQL, it refuses to run as root.
        for path in (folder, *folder.glob("*")):  # noqa: ASYNC240
            os.chown(path, user.uid, user.gid)
    process = await asyncio.create_subprocess_exec(
        "pgbouncer",
        *(["--user", user.name] if user else []),
        str(folder / "pgbouncer.ini"),
        stderr=subprocess.DEVNULL,
    )

    async def answers() -> bool:
        try:
            connection = await asyncpg.connect(url_through(port), timeout=5)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        connection.terminate()
        return True

    try:
        await eventually_true(answers)
        yield port
    finally:
        process.terminate()
        await process.wait()


def url_through(port: int, database: str = "gymlocker") -> str:
    """Return the URL of a database behind a PgBouncer."""
    return f"postgresql://gymlocker@127.0.0.1:{port}/{database}?sslmode=disable"
