"""Entry point of the live demo: one person, one follower, and a clean end of both."""

import asyncio
import sys
from collections.abc import Coroutine
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from rich.console import Console

from server.libraries.common.signals import stop_signal
from server.libraries.network.channel import open_channel
from server.libraries.network.url import server_url
from server.programs.demo import keys
from server.programs.demo.keys import Unreadable
from server.programs.demo.live.board import Board
from server.programs.demo.live.follower import NOTHING_TO_WATCH, Follower
from server.programs.demo.live.keyboard import typed_lines
from server.programs.demo.live.lines import Lines
from server.programs.demo.live.panes import panes
from server.programs.demo.live.session import ARRIVAL_TIMEOUT, FollowerView, Session
from server.programs.demo.person import Friend, Person, Phone
from server.programs.demo.run import check_server
from server.programs.demo.transport import CallError, GrpcTransport, RestTransport, Transport

# Between scripted steps in a terminal.
PAUSE_SECONDS = 0.8
# gRPC would share one connection between Ada's phone and Ben's, which is cut in the demo.
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


class _Ended(Exception):
    """The end of Ben's stream before the end of the demo."""


async def run_live(url: str, console: Console, *, is_typed: bool = True) -> bool:
    """Run the live demo against the server at `url`; return whether Ben got exactly Ada's events.

    A script publishes if `is_typed` is false or there is no terminal. Raise StartError if no
    Gymlocker server is available at `url`.
    """
    address = server_url(url)
    is_typed = is_typed and console.is_terminal and sys.stdin.isatty()
    phone, rest = GrpcTransport(address), RestTransport(address)
    try:
        await check_server(address, phone, rest)
        with _board(console, is_typed=is_typed) as board:
            return await _until_stopped(_run_with_account(board, address, phone, is_typed), board)
    finally:
        await phone.close()
        await rest.close()


def _board(console: Console, *, is_typed: bool) -> AbstractContextManager[Board]:
    if console.is_terminal:
        return panes(console, is_typed=is_typed)
    return nullcontext(Lines(console))


async def _until_stopped(demo: Coroutine[Any, Any, bool], board: Board) -> bool:
    """Return the result of the demo; Ctrl-C ends it early, which is no failure."""
    running, stopped = asyncio.ensure_future(demo), stop_signal()
    first: set[asyncio.Future[Any]] = {running, stopped}
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        running.cancel()
        await asyncio.wait({running})
        board.note("Stopped. Ada's account is deleted.")
        return True
    return running.result()


async def _run_with_account(
    board: Board, address: str, transport: Transport, is_typed: bool
) -> bool:
    """Run the demo with an account for Ada, which is deleted at the end."""
    ada = await Person.create("Ada", Phone(transport))
    try:
        return await _run(board, address, ada, is_typed)
    except (CallError, Unreadable, TimeoutError, _Ended) as error:
        board.note(f"The demo ended early: {error or 'Ben did not get the events in time'}", "red")
        return False
    finally:
        await _delete(ada, board)


async def _run(board: Board, address: str, ada: Person, is_typed: bool) -> bool:
    board.note(f"Gymlocker live at {address}. The server sees neither keys nor workouts.")
    secret = keys.new_follow_secret()
    await ada.grant(secret)
    # Ben scanned Ada's code: her id, her keys for followers and the secret. He needs no account.
    friend = Friend(ada.user_id, ada.keys.public_spki, ada.keys.aes, secret)
    view = FollowerView(board)
    session = Session(board, ada, view, pause=PAUSE_SECONDS if sys.stdout.isatty() else 0)
    follower = Follower(partial(open_channel, address, OWN_CONNECTION), friend, view)
    following = asyncio.create_task(follower.run())
    try:
        await _while_following(following, session.until_same(follower))
        if is_typed:
            with typed_lines(sys.stdin.fileno(), board.typing) as lines:
                await _while_following(following, session.publish_typed(lines, follower))
        else:
            await _while_following(following, session.run_script(follower))
        await _while_following(following, session.until_same(follower))
        await ada.revoke(secret)
        board.ada("revoked Ben's follow secret")
        reason = await asyncio.wait_for(following, ARRIVAL_TIMEOUT)
        board.ben(f"the stream ended: {reason}")
        board.note(f"Ben got exactly Ada's workouts, decrypted: {len(session)}.", "bold green")
        return reason == NOTHING_TO_WATCH
    finally:
        following.cancel()


async def _while_following(following: "asyncio.Task[str]", work: Coroutine[Any, Any, None]) -> None:
    """Do some work. Raise what ends the follower, if that comes first."""
    working = asyncio.create_task(work)
    try:
        await asyncio.wait({following, working}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise _Ended(f"the server ended Ben's stream: {following.result()}")
        working.result()
    finally:
        working.cancel()


async def _delete(ada: Person, board: Board) -> None:
    try:
        await ada.delete_account()
    except CallError as error:
        board.note(f"Ada's account {ada.user_id} could not be deleted: {error}", "yellow")
