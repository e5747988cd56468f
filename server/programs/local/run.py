"""Running a plan: start the stack in order, watch it, and stop it in reverse order.

    PostgreSQL → migrations → workers → Envoy → ready

SIGINT, SIGTERM and SIGHUP stop it, also during the start. This program runs for as long as the
stack, so it imports little: tests/programs/local/test_run.py has the list.
"""

import asyncio
import signal

from server.errors import StartError
from server.libraries.process import child as child_process
from server.libraries.process.supervisor import Supervisor
from server.programs.local.data_directory import remove_socket_folder
from server.programs.local.plan import STOP_SIGNALS, Migration, Plan
from server.programs.local.probes import serves
from server.programs.local.shutdown import run_until, stop_at_signal
from server.programs.local.terminal import to_stderr, to_stdout

SERVING_TIMEOUT = 30.0
POLL = 0.05


async def run(plan: Plan) -> None:
    """Run the stack until a signal stops it; return when all processes have ended.

    Raises StartError if it cannot start.
    """
    supervisor = Supervisor(to_stderr)
    stop = stop_at_signal(supervisor, to_stderr)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    try:
        await run_until(stop, _start_and_watch(plan, supervisor))
    finally:
        await supervisor.stop()
        for folder in plan.socket_folders:
            remove_socket_folder(folder)


async def _start_and_watch(plan: Plan, supervisor: Supervisor) -> None:
    if plan.postgres:
        to_stderr("starting PostgreSQL")
        await supervisor.start(plan.postgres)
    to_stderr("migrating the database")
    await _migrate(plan.migration)
    to_stderr(f"starting {len(plan.workers)} worker(s)")
    await supervisor.start(*plan.workers, *([plan.web] if plan.web else []))
    to_stderr("starting Envoy")
    await supervisor.start(plan.envoy)
    await _wait_until_serving(plan)
    to_stdout(plan.welcome)
    await supervisor.watch()


async def _migrate(migration: Migration) -> None:
    ended = await child_process.run(migration.argv, environment=migration.environment)
    with migration.log.open("a") as log:
        log.write(ended.output)
    if ended.status != 0:
        raise StartError(_migration_error(ended, migration))


def _migration_error(ended: child_process.Result, migration: Migration) -> str:
    # A StartError is printed as one line.
    if ended.status == 1 and "Traceback" not in ended.output and ended.last_line:
        return ended.last_line
    return (
        f"The migration failed with {ended.status}: {ended.last_line} (full log: {migration.log})"
    )


async def _wait_until_serving(plan: Plan) -> None:
    """Wait until a request gets through, for Envoy checks the health of the workers first."""
    address = plan.address
    try:
        async with asyncio.timeout(SERVING_TIMEOUT):
            while not await serves(address.own_host, address.port, tls=plan.tls):
                await asyncio.sleep(POLL)
    except TimeoutError:
        raise StartError(
            f"All processes run, but no request gets through at {address.name}: "
            f"see the logs in {plan.logs}."
        ) from None
