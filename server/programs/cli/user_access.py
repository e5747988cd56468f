"""Commands for the ways to an account: `gymlocker users invite` and `link-forward`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from server.programs.cli.administration_command import (
    DATA_DIR,
    DataDir,
    Json,
    User,
    on_database,
    print_json,
)
from server.programs.cli.client_command import screen

user_access = typer.Typer()


@user_access.command()
def invite(
    days: Annotated[int, typer.Option(min=1, max=365, help="Days until it expires.")] = 7,
    json: Json = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Print an invitation: its code creates one user while REGISTRATION is `key`.

    The code is shown this once. Enter it in LiftLog as the header X-API-Key until the feed is set
    up, or send it as `inviteCode`.

    Example: gymlocker users invite --days 2
    """
    from server.programs.administration.screen import json_time
    from server.services.credentials.invitation_repository import InvitationRepository

    lifetime = timedelta(days=days)
    code = on_database(
        data_dir,
        "users invite",
        lambda database: InvitationRepository(database).create(lifetime),
    )
    expiry = datetime.now(UTC) + lifetime
    if json:
        print_json({"inviteCode": code, "expireTime": json_time(expiry)})
        return
    screen().write(f"Invitation: {code}")
    screen().write(f"It can be used once, until {expiry:%Y-%m-%d %H:%M} UTC.")


@user_access.command("link-forward")
def link_forward(
    name: Annotated[
        str, typer.Argument(help="Name as the proxy sends it in FORWARD_AUTH_USER_HEADER.")
    ],
    user: User,
    replace: Annotated[
        bool, typer.Option("--replace", help="Link it even if it is linked to another account.")
    ] = False,
    json: Json = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Make a forwarded name an account: whoever the proxy authenticates as NAME is USER then.

    Backups that came under the name move to the account. Can be repeated, and done before the name
    is seen for the first time.

    Example: gymlocker users link-forward ada@example.com ada
    """
    from server.programs.administration import forwarding
    from server.programs.client.text import counted

    link = on_database(
        data_dir,
        "users link-forward",
        lambda database: forwarding.link_forward(database, name, user, replace=replace),
    )
    if json:
        print_json({"name": name, "userId": str(link.user.id), "movedBackups": link.moved})
        return
    if not link.is_new:
        screen().write(f"{name} was linked to {link.user.name} already.")
        return
    moved = f" {counted(link.moved, 'backup')} moved." if link.moved else ""
    screen().write(f"{name} is linked to {link.user.name}.{moved}")
