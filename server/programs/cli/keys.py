"""Commands for the access keys of a server's users: `gymlocker keys …`."""

from datetime import UTC, datetime
from enum import Enum
from typing import Annotated

import typer

from server.programs.cli.administration_command import (
    DATA_DIR,
    DataDir,
    Json,
    User,
    Yes,
    on_database,
    print_json,
    require_answer,
)
from server.programs.cli.client_command import screen

keys = typer.Typer(
    name="keys",
    help=(
        "Access keys of your server's users. The commands work on its database (DATABASE_URL, or "
        "that of `gymlocker up`), whether the server runs or not."
    ),
    no_args_is_help=True,
)


class Scope(Enum):
    """Scopes of access keys."""

    WORKOUTS_READ = "workouts.read"
    WORKOUTS_WRITE = "workouts.write"
    BACKUP = "backup"
    BACKUP_WRITE = "backup.write"
    PLANNER = "planner"
    FEED = "feed"


@keys.command()
def create(
    user: User,
    name: Annotated[str, typer.Option(help="Name that tells the user's keys apart.")],
    scope: Annotated[list[Scope], typer.Option(help="What the key allows. Repeatable.")],
    expires: Annotated[
        str | None,
        typer.Option(help="Lifetime: 90d, 12h, or a date (UTC).", show_default="never"),
    ] = None,
    json: Json = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Create an access key for a user and print it, this once.

    Example: gymlocker keys create ada --name phone --scope backup.write --expires 90d
    """
    from server.programs.administration import keys as administration
    from server.programs.administration.screen import key_json

    expiry = administration.expiry_of(expires, datetime.now(UTC))
    scopes = [each.value for each in scope]
    listed, key = on_database(
        data_dir,
        "keys create",
        lambda database: administration.create_key(database, user, name, scopes, expiry),
    )
    if json:
        print_json({**key_json(listed), "key": key})
        return
    output = screen()
    output.write(f"Key: {key}")
    output.write(f"It is {listed.user}'s; `gymlocker keys delete {listed.key.id}` revokes it.")


@keys.command("list")
def list_(
    user: Annotated[
        str | None,
        typer.Argument(help="Username, or a user's lookup or id.", show_default="all users"),
    ] = None,
    json: Json = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """List access keys, without the keys themselves.

    Example: gymlocker keys list ada
    """
    from server.programs.administration import keys as administration
    from server.programs.administration.screen import key_json, show_keys

    found = on_database(
        data_dir, "keys list", lambda database: administration.list_keys(database, user)
    )
    if json:
        print_json([key_json(each) for each in found])
        return
    show_keys(screen(), found)


@keys.command()
def delete(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Id of the key.")],
    yes: Yes = False,
    json: Json = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Revoke an access key on every worker; asks first. Without a terminal, --yes is required.

    Example: gymlocker keys delete 0b8e6b52-6f0c-4b6f-9f6e-2f6f3f8a9c1d
    """
    from server.programs.administration.keys import delete_key, get_key
    from server.programs.administration.screen import key_json
    from server.programs.client.prompts import ask

    require_answer(yes=yes)
    found = on_database(data_dir, "keys delete", lambda database: get_key(database, id_))
    described = f"{found.key.name} of {found.user}"
    if not (yes or ask(f"Delete the key {described}?")):
        screen().write("Nothing was deleted.")
        return
    on_database(data_dir, "keys delete", lambda database: delete_key(database, found))
    if json:
        print_json(key_json(found))
        return
    screen().write(f"Deleted: {described}.")
