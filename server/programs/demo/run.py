"""Entry point: open both transports, run the scenario and print the result."""

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
    """Run the demo against the server at `url`; return whether all comparisons were equal.

    Raise StartError if no Gymlocker server is available at `url`.
    """
    address = server_url(url)
    ada, ben = GrpcTransport(address), RestTransport(address)
    try:
        await check_server(address, ada, ben)
        return await run_over(address, console, ada, ben)
    finally:
        await ada.close()
        await ben.close()


async def run_over(url: str, console: Console, ada: Transport, ben: Transport) -> bool:
    """Run the demo over two transports. Its accounts are deleted at the end."""
    screen, log = Screen(console), ComparisonLog()
    screen.opening(url)
    scenario = Scenario(screen, log, Phone(ada), Phone(ben))
    began = time.monotonic()
    try:
        await scenario.run()
    except ScenarioFailed:
        screen.step_done(log)
    except (CallError, Unreadable) as error:
        log.add_failure("the demo ended early", error)
        screen.step_done(log)
    finally:
        await scenario.clean_up()
    screen.result(log, time.monotonic() - began)
    return not log.differences


async def check_server(address: str, ada: Transport, ben: Transport) -> None:
    """Check the server's health over REST, then over gRPC. Raise StartError."""
    try:
        await _get_health(ben)
    except Unreachable as error:
        raise StartError(
            f"No response from {address} ({error.message}): start a server with `gymlocker up`, "
            "or give another address with --url."
        ) from error
    except CallError as error:
        raise StartError(
            f"The server at {address} is not a healthy Gymlocker ({error}): see its log, "
            "or give another address with --url."
        ) from error
    try:
        await _get_health(ada)
    except CallError as error:
        raise StartError(
            f"{address} serves REST but not gRPC ({error}): give the address of Envoy with --url."
        ) from error


async def _get_health(transport: Transport) -> None:
    await SystemServiceStub(channel_over(transport)).GetHealth(system_pb2.GetHealthRequest())
