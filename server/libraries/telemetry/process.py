"""What every process of ours says of itself: its version, memory, files and time."""

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Info, ProcessCollector


def new_registry() -> CollectorRegistry:
    """A registry that knows this process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    build = Info("gymlocker_build", "Which Gymlocker this is.", registry=registry)
    build.info({"version": version("gymlocker")})
    return registry
