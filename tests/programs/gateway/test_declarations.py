"""Consistency of envoy.yaml with the protos."""

import re
from collections.abc import Iterator
from typing import Any

from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodOptions

from .processes import DESCRIPTOR_SET, FrontDoor

PACKAGE = "gymlocker.v2"


def services() -> Iterator[tuple[str, Any]]:
    """Yield the full name and descriptor of each of our services."""
    for file in FileDescriptorSet.FromString(DESCRIPTOR_SET.read_bytes()).file:
        if file.package == PACKAGE:
            for service in file.service:
                yield f"{PACKAGE}.{service.name}", service


def manager(door: FrontDoor) -> Any:
    """Return the connection manager as Envoy has loaded it."""
    sections = door.admin("/config_dump")["configs"]
    listeners = next(s for s in sections if "static_listeners" in s)["static_listeners"]
    return listeners[0]["listener"]["filter_chains"][0]["filters"][-1]["typed_config"]


def routes(door: FrontDoor) -> list[Any]:
    """Return the routes in order."""
    found: list[Any] = manager(door)["route_config"]["virtual_hosts"][0]["routes"]
    return found


def filters(door: FrontDoor) -> dict[str, Any]:
    """Return the HTTP filters by name."""
    return {f["name"]: f["typed_config"] for f in manager(door)["http_filters"]}


def test_transcodes_every_service(door: FrontDoor) -> None:
    listed = filters(door)["envoy.filters.http.grpc_json_transcoder"]["services"]
    assert listed == sorted(name for name, _ in services())


def test_retries_exactly_methods_without_side_effects(door: FrontDoor) -> None:
    declared = {
        f"/{name}/{method.name}"
        for name, service in services()
        for method in service.method
        if method.options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS
        # Sent messages of a stream cannot be taken back.
        and not method.server_streaming
    }
    retried = {
        route["match"].get("path")
        for route in routes(door)
        if set(conditions(route)) - {"connect-failure", "refused-stream"}
    }
    assert declared == retried


def test_only_streams_have_no_timeout(door: FrontDoor) -> None:
    streaming = {
        f"/{name}/{method.name}"
        for name, service in services()
        for method in service.method
        if method.server_streaming or method.client_streaming
    }
    unlimited = {r["match"].get("path") for r in routes(door) if timeout(r) == "0s"} - {None}
    assert streaming == unlimited


def test_only_uploads_may_have_any_content_type(door: FrontDoor) -> None:
    methods = [
        (f"/{name}/{method.name}", method)
        for name, service in services()
        for method in service.method
    ]
    uploads = {
        path
        for path, method in methods
        if method.client_streaming and method.options.HasExtension(annotations_pb2.http)
    }
    policies = filters(door)["envoy.filters.http.rbac"]["rules"]["policies"]
    of_json = policies["unsupported-content-type"]["permissions"][1]["and_rules"]["rules"]
    excepted = next(rule["not_rule"] for rule in of_json if "not_rule" in rule)
    pattern = excepted["header"]["string_match"]["safe_regex"]["regex"]
    assert {path for path, _ in methods if re.fullmatch(pattern, path)} == uploads


def test_filters_are_in_order(door: FrontDoor) -> None:
    names = [f["name"].removeprefix("envoy.filters.http.") for f in manager(door)["http_filters"]]
    assert names == [
        *(
            "local_ratelimit",
            "composite",
            "header_mutation",
            "composite",
            "bad_compression",
            "too_large",
            "health_check",
            "cors",
        ),
        *("grpc_web", "buffer", "lua", "compressor", "grpc_json_transcoder"),
        *("gymlocker.allow", "rbac", "router"),
    ]


def test_envoy_logs_no_warnings(door: FrontDoor) -> None:
    assert door.stderr.read_text() == ""


def conditions(route: Any) -> list[str]:
    """Return the retry conditions of a route."""
    policy = route.get("route", {}).get("retry_policy", {})
    return [condition for condition in policy.get("retry_on", "").split(",") if condition]


def timeout(route: Any) -> str:
    """Return the timeout of a route."""
    return str(route.get("route", {}).get("timeout"))
