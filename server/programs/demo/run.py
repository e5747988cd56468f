"""The way in: `run` opens the two transports, has the story told, and gives the verdict."""

import time

from gymlocker.v2 import system_pb2
from gymlocker.v2.system_pb2_grpc import SystemServiceStub
from rich.console import Console

from server.errors import StartError
from server.libraries.network.url import server_url
from server.programs.demo.comparison_log import ComparisonLog, ScenarioFailed
from server.programs.demo.keys import Unreadable
from server.programs.demo.person import Phone
from server.programs.demo.scenario import Scenario
from server.programs.demo.screen import Screen
from server.programs.demo.transport import (
    CallError,
    GrpcTransport,
    RestTransport,
    Transport,
    Unreachable,
    channel_over,
)


async def run(url: str, console: Console) -> bool:
    """Plays the demo against the server at `url` and says whether every byte was equal.

    Raises StartError if there is nothing at `url` to play it against.
    """
    address = server_url(url)
    ada, ben = GrpcTransport(address), RestTransport(address)
    try:
        await _check(address, ada, ben)
        return await tell(address, console, ada, ben)
    finally:
        await ada.close()
        await ben.close()


async def tell(url: str, console: Console, ada: Transport, ben: Transport) -> bool:
    """Plays the demo over two given transports; the accounts are gone afterwards."""
    screen, ledger = Screen(console), ComparisonLog()
    screen.opening(url)
    story = Scenario(screen, ledger, Phone(ada), Phone(ben))
    began = time.monotonic()
    try:
        await story.tell()
    except ScenarioFailed:
        screen.step_done(ledger)
    except (CallError, Unreadable) as error:
        ledger.failed("the story ended early", error)
        screen.step_done(ledger)
    finally:
        await story.clean_up()
    screen.verdict(ledger, time.monotonic() - began)
    return not ledger.differences


async def _check(address: str, ada: Transport, ben: Transport) -> None:
    """Asks over REST, then over gRPC, how the server is. Raises StartError."""
    try:
        await _ask_health(ben)
    except Unreachable as error:
        raise StartError(
            f"Nothing answers at {address} ({error.message}): start a server with `gymlocker up`, "
            "or say with --url where one is."
        ) from error
    except CallError as error:
        raise StartError(
            f"What answers at {address} is not a healthy Gymlocker ({error}): see its log, "
            "or say with --url where another one is."
        ) from error
    try:
        await _ask_health(ada)
    except CallError as error:
        raise StartError(
            f"{address} answers REST but not gRPC ({error}): give the address of Envoy with --url."
        ) from error


async def _ask_health(transport: Transport) -> None:
    await SystemServiceStub(channel_over(transport)).GetHealth(system_pb2.GetHealthRequest())
