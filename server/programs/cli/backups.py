"""Commands for the backups of LiftLog's app: `gymlocker backups …`."""

from typing import Annotated

import typer

from server.programs.cli.administration_command import (
    DATA_DIR,
    DataDir,
    Json,
    Yes,
    administer,
    on_database,
    print_json,
    require_answer,
)
from server.programs.cli.client_command import screen

backups = typer.Typer(
    name="backups",
    help=(
        "Backups that LiftLog's app has sent to your server. The commands work on its database "
        "(DATABASE_URL, or that of `gymlocker up`) and its store (BACKUP_STORE, or the folder of "
        "`gymlocker up`), whether the server runs or not."
    ),
    no_args_is_help=True,
)
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the backup.")]


@backups.command("list")
def list_(
    user: Annotated[
        str | None,
        typer.Argument(help="Username, or a user's lookup or id.", show_default="all users"),
    ] = None,
    json: Json = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """List backups, the newest of each user first.

    The shared API_KEY's are those of `(default)`, and those of names that a proxy has authenticated
    are of `(forwarded:NAME)`.

    Example: gymlocker backups list ada
    """
    from server.programs.administration import backups as administration
    from server.programs.administration.screen import backup_json, show_backups

    found = on_database(
        data_dir, "backups list", lambda database: administration.list_backups(database, user)
    )
    if json:
        print_json([backup_json(each) for each in found])
        return
    show_backups(screen(), found)


@backups.command()
def get(
    id_: Id,
    file: Annotated[str, typer.Argument(help="File to write; - for standard output.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Write a backup to a file, decrypted, byte for byte as the app sent it.

    The file is readable by you only. LiftLog's app can restore it.

    Example: gymlocker backups get 0b8e6b52-6f0c-4b6f-9f6e-2f6f3f8a9c1d ada.liftlogbackup.gz
    """
    from server.programs.administration import backups as administration
    from server.programs.client.screen.progress import bytes_bar
    from server.programs.client.target_file import target_file

    path = None if file == administration.STDOUT else target_file(file, force=force)
    found = on_database(
        data_dir, "backups get", lambda database: administration.get_backup(database, id_)
    )
    with bytes_bar(f"Writing {file}", active=path is not None) as position:
        settings = administration.settings_in(data_dir)
        administer(
            administration.write_backup(settings, found.backup, path, force=force, written=position)
        )
    if path is not None:
        screen().write(f"Wrote {found.backup.contents.size:,} bytes of {found.owner} to {file}.")


@backups.command()
def delete(id_: Id, yes: Yes = False, json: Json = False, data_dir: DataDir = DATA_DIR) -> None:
    """Delete a backup; asks first. Without a terminal, --yes is required.

    Its file is removed from the store by the next sweep of a running worker.

    Example: gymlocker backups delete 0b8e6b52-6f0c-4b6f-9f6e-2f6f3f8a9c1d
    """
    from server.programs.administration import backups as administration
    from server.programs.administration.screen import backup_json, described_backup
    from server.programs.client.prompts import ask

    require_answer(yes=yes)
    found = on_database(
        data_dir, "backups delete", lambda database: administration.get_backup(database, id_)
    )
    if not (yes or ask(f"Delete {described_backup(found)}?")):
        screen().write("Nothing was deleted.")
        return
    on_database(
        data_dir, "backups delete", lambda database: administration.delete_backup(database, found)
    )
    if json:
        print_json(backup_json(found))
        return
    screen().write(f"Deleted: {described_backup(found)}.")
