"""A real standby: a copy of a server, kept up to date by streaming replication."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.libraries.process.system_user import database_user
from server.programs.local.postgres import programs
from server.programs.local.temporary_postgres import TemporaryPostgres, temporary_postgres

COPY_TIMEOUT = 60


@contextmanager
def standby_of(primary: TemporaryPostgres) -> Iterator[TemporaryPostgres]:
    """Run a standby of `primary`, which a test may promote."""

    def copy(folder: Path) -> None:
        folder.mkdir(mode=0o700)
        data = folder / "data"
        copying = [str(programs() / "pg_basebackup"), "--dbname", primary.url("postgres")]
        options = ["--pgdata", str(data), "--write-recovery-conf", "--checkpoint=fast"]
        subprocess.run([*copying, *options], check=True, timeout=COPY_TIMEOUT, capture_output=True)
        if user := database_user(folder / "nothing"):
            for path in (data, *data.rglob("*")):
                os.chown(path, user.uid, user.gid)

    with temporary_postgres(fill=copy) as server:
        yield server
