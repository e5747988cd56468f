"""Services and methods registered on the server."""

from functools import cache
from types import ModuleType
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from gymlocker.v2 import (
    ai_pb2,
    auth_pb2,
    backup_pb2,
    event_pb2,
    exercise_pb2,
    follow_pb2,
    inbox_pb2,
    push_pb2,
    share_pb2,
    system_pb2,
    user_pb2,
    workout_pb2,
)

from server.libraries.rpc.method import Method, methods_of, public_methods_of

CONTRACT: tuple[ModuleType, ...] = (
    user_pb2,
    event_pb2,
    follow_pb2,
    inbox_pb2,
    push_pb2,
    share_pb2,
    system_pb2,
    auth_pb2,
    workout_pb2,
    exercise_pb2,
    backup_pb2,
    ai_pb2,
)


def contract_services() -> list[ServiceDescriptor]:
    """Return every service of the contract."""
    return [service for file in CONTRACT for service in file.DESCRIPTOR.services_by_name.values()]


@cache
def contract_methods() -> dict[str, Method]:
    """Return every method of the contract by path."""
    return methods_of(contract_services())


@cache
def served_methods() -> dict[str, Method]:
    """Return every method of the contract, and those of health and reflection, by path."""
    files: tuple[Any, ...] = (health_pb2, reflection_pb2)
    return contract_methods() | public_methods_of(
        service for file in files for service in file.DESCRIPTOR.services_by_name.values()
    )
