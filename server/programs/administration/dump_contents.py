"""The contents of a dump, read without a database: whether this release can restore it."""

import re
import subprocess
from pathlib import Path
from typing import BinaryIO

from server.errors import StartError
from server.libraries.database.schema_version import NEEDED
from server.programs.administration.libpq import libpq_environment
from server.programs.administration.postgres_programs import running

# Rows of alembic_version.
_REVISION = re.compile(r"^([a-z_]+)_(\d{4})$", re.MULTILINE)
OPTIONS = ("--file=-", "--data-only")
_NEWER_PROGRAM = "unsupported version"


async def require_restorable(programs: Path, file: BinaryIO, name: str, schema: str) -> None:
    """Raise StartError if the file is no dump of ours, or one of a newer release.

    `schema` is the one to restore. The file is read from its start, and rewound.
    """
    file.seek(0)
    async with running(
        [programs / "pg_restore", *OPTIONS, f"--schema={schema}", "--table=alembic_version"],
        environment=libpq_environment("postgresql://"),
        output=subprocess.PIPE,
        input=file,
    ) as pg_restore:
        assert pg_restore.child.stdout is not None  # noqa: S101 - it is a pipe
        rows = (await pg_restore.child.stdout.read()).decode(errors="replace")
        error = await pg_restore.error()
    file.seek(0)
    if _NEWER_PROGRAM in error:
        raise StartError(
            f"{name} was written by a newer pg_dump ({error}): install PostgreSQL's client "
            "programs of that version."
        )
    if error:
        raise StartError(f"{name} is not a backup, or it is damaged ({error}).")
    found = {branch: f"{branch}_{number}" for branch, number in _REVISION.findall(rows)}
    if "feed" not in found:
        raise StartError(
            f"{name} is not a backup of Gymlocker's database: it has no such tables in the schema "
            f"{schema}."
        )
    newer = sorted(one for branch, one in found.items() if one > NEEDED.get(branch, ""))
    if newer:
        raise StartError(
            f"{name} is a backup of a newer Gymlocker ({', '.join(newer)}): update this one. "
            "Nothing was changed."
        )
