"""Commands for accounts: `gymlocker register`, `login` and `logout`."""

from typing import Annotated

import typer

from server.libraries.network.url import DEFAULT_URL
from server.programs.cli.client_command import run, screen, session_file, silence_grpc
from server.programs.cli.options import Url

accounts = typer.Typer()


@accounts.command()
def register(
    username: Annotated[str | None, typer.Argument(show_default="prompt")] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Create an account and log in.

    Prompts twice for the password without echoing it; from a pipe, reads the first line of input.
    """
    _start_session(url, username, new=True)


@accounts.command()
def login(
    username: Annotated[
        str | None,
        typer.Argument(help="Username, or a user's lookup or id.", show_default="prompt"),
    ] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Log in, and stay logged in on this machine until `gymlocker logout`.

    Prompts for the password without echoing it; from a pipe, reads the first line of input.
    """
    _start_session(url, username, new=False)


@accounts.command()
def logout() -> None:
    """Log out: end the session on the server and delete it from this machine."""
    silence_grpc()
    from server.programs.client.account import logout as run_logout

    session = run(run_logout(session_file()))
    screen().write(f"{session.username} is logged out." if session else "You were not logged in.")


def _start_session(url: str, username: str | None, *, new: bool) -> None:
    silence_grpc()
    from server.libraries.network.url import server_url
    from server.programs.client.account import login, register
    from server.programs.client.channel import warn_if_unencrypted
    from server.programs.client.prompts import read_password, read_username

    address = server_url(url)
    name = read_username(username)
    warn_if_unencrypted(address)
    password = read_password(twice=new)
    start = register if new else login
    run(start(session_file(), address, name, password))
    done = "registered and logged in" if new else "logged in"
    screen().write(f"{name} is {done} at {address}.")
