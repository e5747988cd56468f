"""Metrics of every process: version, memory, open files and CPU time."""

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Info, ProcessCollector


def new_registry() -> CollectorRegistry:
    """Return a registry with the metrics of this process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    build = Info("gymlocker_build", "The version of Gymlocker.", registry=registry)
    build.info({"version": version("gymlocker")})
    return registry
