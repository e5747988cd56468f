"""Commands for the users of a server: `gymlocker users …`."""

from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from server.programs.administration.user_repository import ListedUser

users = typer.Typer(
    name="users",
    help=(
        "Users of your server. The commands work on its database (DATABASE_URL, or that of "
        "`gymlocker up`), whether the server runs or not."
    ),
    no_args_is_help=True,
)
Generate = Annotated[
    bool, typer.Option("--generate", help="Generate a random password and print it.")
]


@users.command("list")
def list_(
    ids: Annotated[bool, typer.Option("--ids", help="Show ids in a terminal, too.")] = False,
    json: Json = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """List all users: accounts by username, then users without one by age.

    Example: gymlocker users list --json
    """
    from server.programs.administration.screen import show_users, user_json
    from server.programs.administration.user_repository import UserAdministration

    found = on_database(
        data_dir, "users list", lambda database: UserAdministration(database).list()
    )
    if json:
        print_json([user_json(user) for user in found])
        return
    output = screen()
    show_users(output, found, ids=ids or not output.is_terminal)


@users.command()
def create(
    username: Annotated[str, typer.Argument(help="Name of the new account.")],
    generate: Generate = False,
    json: Json = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Create an account, also if REGISTRATION is closed.

    Prompts twice for the password without echoing it; from a pipe, reads the first line of input.

    Example: gymlocker users create ada
    """
    from server.programs.administration import users as administration

    name = administration.valid_username(username)
    password = _new_password(generate=generate)
    hashed = administration.hashed(password, username)
    user = on_database(
        data_dir,
        "users create",
        lambda database: administration.create(database, name, hashed),
    )
    _show(user, f"Created {user.name}.", password if generate else None, json=json)


@users.command()
def reset_password(
    user: User,
    generate: Generate = False,
    revoke_keys: Annotated[
        bool, typer.Option("--revoke-keys", help="Delete the user's access keys, too.")
    ] = False,
    json: Json = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Set a new password for a user who forgot theirs, and end all of their sessions.

    Prompts twice for the password without echoing it; from a pipe, reads the first line of input.
    What the feed encrypts is encrypted with keys that only the user has: it is not affected.

    Example: gymlocker users reset-password ada --generate
    """
    from server.programs.administration import users as administration

    password = _new_password(generate=generate)
    changed = on_database(
        data_dir,
        "users reset-password",
        lambda database: administration.reset_password(
            database, user, password, revoke_keys=revoke_keys
        ),
    )
    text = f"{changed.name} has a new password; all sessions were ended."
    _show(changed, text, password if generate else None, json=json)


@users.command()
def disable(user: User, json: Json = False, data_dir: DataDir = DATA_DIR) -> None:
    """Refuse a user from now on: logins, sessions, access keys and the feed. Their data stays.

    Example: gymlocker users disable ada
    """
    _set_disabled(user, "disable", json=json, data_dir=data_dir)


@users.command()
def enable(user: User, json: Json = False, data_dir: DataDir = DATA_DIR) -> None:
    """Admit a disabled user again. Access keys work as before; sessions have ended.

    Example: gymlocker users enable ada
    """
    _set_disabled(user, "enable", json=json, data_dir=data_dir)


@users.command()
def delete(user: User, yes: Yes = False, json: Json = False, data_dir: DataDir = DATA_DIR) -> None:
    """Delete a user with all of their data; asks first. Without a terminal, --yes is required.

    The files of their backups are removed from the store by the next sweep of a running worker.

    Example: gymlocker users delete ada
    """
    from server.programs.administration import users as administration
    from server.programs.administration.screen import described
    from server.programs.client.prompts import ask

    require_answer(yes=yes)
    found = on_database(
        data_dir, "users delete", lambda database: administration.find(database, user)
    )
    # Outside of an event loop, in which Ctrl-C would not end the question.
    if not (yes or ask(f"Delete {described(found)} with all data?")):
        screen().write("Nothing was deleted.")
        return
    on_database(
        data_dir, "users delete", lambda database: administration.delete(database, found.id)
    )
    _show(found, f"Deleted: {described(found)}.", json=json)


@users.command()
def export(
    user: User,
    file: Annotated[str, typer.Argument(help="File to write.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    json: Json = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Write all that is stored of a user to a JSON file, as `GET /auth/export` does for them.

    Backups are listed in it; `gymlocker backups get` writes them. The file is readable by you only.

    Example: gymlocker users export ada ada.json
    """
    from server.programs.administration.export import export_user
    from server.programs.client.screen.progress import bytes_bar
    from server.programs.client.target_file import target_file

    path = target_file(file, force=force)
    with bytes_bar(f"Writing {file}") as position:
        done = on_database(
            data_dir,
            "users export",
            lambda database: export_user(database, user, path, force=force, written=position),
        )
    if json:
        print_json({"userId": str(done.user.id), "file": str(done.file), "size": done.size})
        return
    screen().write(f"Wrote {done.size:,} bytes of {done.user.name} to {file}.")


def _set_disabled(user: str, command: str, *, json: bool, data_dir: DataDir) -> None:
    from server.programs.administration import users as administration

    disabled = command == "disable"
    changed = on_database(
        data_dir,
        f"users {command}",
        lambda database: administration.set_disabled(database, user, disabled=disabled),
    )
    text = "is disabled; all sessions were ended" if disabled else "is enabled"
    _show(changed, f"{changed.name} {text}.", json=json)


def _new_password(*, generate: bool) -> str:
    from server.programs.administration.users import generated_password
    from server.programs.client.prompts import read_password

    return generated_password() if generate else read_password(twice=True)


def _show(user: "ListedUser", text: str, password: str | None = None, *, json: bool) -> None:
    """Print the result of a command, and a generated password."""
    from server.programs.administration.screen import user_json

    if json:
        print_json(user_json(user) | ({"password": password} if password else {}))
        return
    screen().write(text)
    if password:
        screen().write(f"Password: {password}")
