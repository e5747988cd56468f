"""Rendering of envoy.yaml, and rejected values."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.errors import StartError
from server.programs.gateway.config import Gateway, render

from .processes import DESCRIPTOR_SET, TEMPLATE

GATEWAY = Gateway("127.0.0.1", 8080, ("unix:/run/worker-0.sock",), DESCRIPTOR_SET)


def filled(name: str, **changes: Any) -> Any:
    """Return the value of a placeholder."""
    return json.loads(render(f"${{{name}}}", replace(GATEWAY, **changes)))


def test_unix_sockets_become_static_endpoints() -> None:
    workers = ("unix:/run/a.sock", "unix:/run/b.sock")
    assert filled("WORKERS_DISCOVERY", workers=workers) == "STATIC"
    assert filled("WORKERS", workers=workers) == [
        {"endpoint": {"address": {"pipe": {"path": "/run/a.sock"}}}},
        {"endpoint": {"address": {"pipe": {"path": "/run/b.sock"}}}},
    ]


@pytest.mark.parametrize(
    ("address", "host"),
    [("server:9090", "server"), ("[::1]:9090", "::1"), ("10.0.0.1:9090", "10.0.0.1")],
)
def test_hostnames_are_resolved_by_dns(address: str, host: str) -> None:
    assert filled("WORKERS_DISCOVERY", workers=(address,)) == "STRICT_DNS"
    socket_address = {"address": host, "port_value": 9090}
    endpoint = {"endpoint": {"address": {"socket_address": socket_address}}}
    assert filled("WORKERS", workers=(address,)) == [endpoint]


@pytest.mark.parametrize(
    ("web", "found_by", "address"),
    [
        ("unix:/run/web.sock", "STATIC", {"pipe": {"path": "/run/web.sock"}}),
        ("web:9091", "STRICT_DNS", {"socket_address": {"address": "web", "port_value": 9091}}),
    ],
)
def test_web_process_becomes_endpoint(web: str, found_by: str, address: Any) -> None:
    assert filled("WEB_CLUSTER", web=web) == "web"
    assert filled("WEB_DISCOVERY", web=web) == found_by
    assert filled("WEB", web=web) == [{"endpoint": {"address": address}}]


def test_routes_lead_nowhere_without_web_process() -> None:
    assert filled("WEB_CLUSTER") == "nowhere"
    assert filled("WEB") == []


def test_origins_are_matched_exactly() -> None:
    assert filled("CORS_ORIGINS", cors_origins="https://a.example, http://localhost:3000") == [
        {"exact": "https://a.example", "ignore_case": True},
        {"exact": "http://localhost:3000", "ignore_case": True},
    ]


def test_empty_origins_have_no_matcher() -> None:
    assert filled("CORS_ORIGINS", cors_origins="") == []


def test_trusts_no_proxy_by_default() -> None:
    assert filled("TRUSTED_PROXIES") == 0
    assert filled("TRUSTED_PROXIES", trusted_proxies=2) == 2


def test_admin_is_disabled_without_socket() -> None:
    assert filled("ADMIN") is None
    assert filled("ADMIN", admin_socket=Path("/run/admin.sock")) == {
        "address": {"pipe": {"path": "/run/admin.sock"}}
    }


def test_escapes_hostile_values() -> None:
    hostile = '"\n  evil: true #'
    assert filled("ACCESS_LOG", access_log=hostile) == hostile


def test_renders_all_placeholders_of_template() -> None:
    assert "${" not in render(TEMPLATE.read_text(), GATEWAY)


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"workers": ()}, "at least one worker"),
        ({"workers": ("unix:/a.sock", "server:9090")}, "all unix sockets or all host:port"),
        ({"workers": ("server",)}, "neither unix:/path nor host:port"),
        ({"workers": ("server:99999",)}, "neither unix:/path nor host:port"),
        ({"workers": ("server:0",)}, "neither unix:/path nor host:port"),
        ({"workers": ("unix:a.sock",)}, "absolute path"),
        ({"workers": ("unix:/" + "a" * 200,)}, "longer than"),
        ({"workers": ("10.0.0.1:9090",), "identity": (Path("/a"), Path("/b"))}, "needs a name"),
        ({"workers": ("[::1]:9090",), "identity": (Path("/a"), Path("/b"))}, "needs a name"),
        ({"web": "unix:web.sock"}, "web process 'unix:web.sock' needs an absolute path"),
        ({"web": "web"}, "web process 'web' is neither"),
        ({"admin_socket": Path("/" + "a" * 200)}, "longer than"),
        ({"port": 0}, "between 1 and 65535"),
        ({"port": 65536}, "between 1 and 65535"),
        ({"descriptor_set": Path("/nowhere.binpb")}, "scripts/generate.py"),
        ({"cors_origins": "example.com"}, "scheme://host"),
        ({"cors_origins": "https://a.example/"}, "scheme://host"),
        ({"cors_origins": "https://a.example/path"}, "scheme://host"),
        ({"cors_origins": "https://a.example?x=1"}, "scheme://host"),
        ({"cors_origins": "https://me@a.example"}, "scheme://host"),
        ({"cors_origins": "https://*.example"}, "scheme://host"),
        ({"cors_origins": "https://a.example:port"}, "scheme://host"),
        ({"cors_origins": "https://a.example:"}, "scheme://host"),
        ({"cors_origins": "ftp://a.example"}, "scheme://host"),
        ({"cors_origins": "https://a.example https://b.example"}, "scheme://host"),
        ({"cors_origins": "null"}, "scheme://host"),
        ({"cors_origins": "http://[::1"}, "scheme://host"),
    ],
)
def test_rejects_invalid_values(changes: dict[str, Any], hint: str) -> None:
    with pytest.raises(StartError, match=hint):
        render("", replace(GATEWAY, **changes))
