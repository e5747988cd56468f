"""Commands for backups of the database: `gymlocker db …`."""

import os
import sys
from typing import Annotated

import typer

from server.errors import StartError
from server.programs.cli.administration_command import (
    DATA_DIR,
    DataDir,
    Json,
    Yes,
    administer,
    print_json,
    require_answer,
)
from server.programs.cli.client_command import screen

db = typer.Typer(
    name="db",
    help=(
        "Backups of your server's database (DATABASE_URL, or that of `gymlocker up`), by "
        "PostgreSQL's own pg_dump and pg_restore."
    ),
    no_args_is_help=True,
)


@db.command()
def backup(
    file: Annotated[str, typer.Argument(help="File to write; - for standard output.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    json: Json = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Write the database to a file (pg_dump, custom format) while the server goes on.

    The file is readable by you only. An interrupted backup leaves no file behind. Keys, the store
    of LiftLog's backups and the database of RATE_LIMIT_DATABASE_URL are not in it.

    Example: gymlocker db backup gymlocker.dump
    """
    from server.programs.administration.dump import STDOUT, dump, left_out
    from server.programs.client.screen.progress import bytes_bar

    is_piped = file == STDOUT
    if is_piped and json:
        raise StartError("The dump goes to standard output: pass a file to get JSON.")
    with bytes_bar(f"Writing {file}", active=not is_piped) as position:
        done = administer(dump(data_dir, file, force=force, written=position))
    if json:
        names = {"file": done.file, "size": done.size, "postgresql": done.postgresql}
        print_json(names | {"leftOut": left_out(os.environ)})
        return
    output = screen(sys.stderr if is_piped else sys.stdout)
    output.write(f"Wrote {done.size:,} bytes to {'standard output' if is_piped else file}.")
    output.write("Not in it; keep copies of them:")
    for each in left_out(os.environ):
        output.write_indented(each)


@db.command()
def restore(
    file: Annotated[
        str, typer.Argument(help="File that `gymlocker db backup` wrote; - for standard input.")
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace what is in the database; asks first.")
    ] = False,
    yes: Yes = False,
    json: Json = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Restore the database from a file, all of it or nothing, and migrate it to this release.

    Stop the server first. The database must be empty (a new folder gets a new one), or be replaced
    with --replace.

    Example: gymlocker db restore gymlocker.dump --replace
    """
    from server.programs.administration.restore import is_empty, open_dump
    from server.programs.administration.restore import restore as run_restore
    from server.programs.client.prompts import ask
    from server.programs.client.screen.progress import bytes_bar

    if replace and not yes and not administer(is_empty(data_dir)):
        require_answer(yes=yes)
        # Outside of an event loop, in which Ctrl-C would not end the question.
        if not ask(f"Replace everything in the database by {file}?"):
            screen().write("Nothing was changed.")
            return
    steps: list[str] = []
    with open_dump(file) as dump, bytes_bar(f"Restoring {file}") as position:
        administer(
            run_restore(data_dir, dump, file, replace=replace, read=position, report=steps.append)
        )
    if json:
        print_json({"file": file, "steps": steps})
        return
    output = screen()
    output.write(f"Restored {file}.")
    for step in steps:
        output.write(step)
