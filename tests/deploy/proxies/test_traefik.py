"""Traefik's files, which are checked by their form: Traefik itself is not at hand."""

import re
from typing import Any

from tests.deploy.files import documents
from tests.deploy.proxies.programs import FOLDER

[STATIC] = documents(FOLDER / "traefik.yml")
[ROUTES] = documents(FOLDER / "traefik-gymlocker.yml")
HTTP: dict[str, Any] = ROUTES["http"]


def test_static_configuration_reads_the_routes() -> None:
    assert STATIC["providers"]["file"]["filename"] == "traefik-gymlocker.yml"
    timeouts = STATIC["entryPoints"]["https"]["transport"]["respondingTimeouts"]
    # Traefik would otherwise end uploads and chats.
    assert (timeouts["readTimeout"], timeouts["writeTimeout"]) == ("0s", "0s")


def test_routes_refer_to_what_exists() -> None:
    for router in HTTP["routers"].values():
        assert router["service"] in HTTP["services"]
        assert set(router["entryPoints"]) <= set(STATIC["entryPoints"])
        assert set(router["middlewares"]) == set(HTTP["middlewares"])
        assert router["tls"]["certResolver"] in STATIC["certificatesResolvers"]


def test_grpc_goes_over_http2_and_the_rest_over_http1() -> None:
    urls = {
        name: [server["url"] for server in service["loadBalancer"]["servers"]]
        for name, service in HTTP["services"].items()
    }
    assert urls == {
        "gymlocker": ["http://127.0.0.1:8080"],
        "gymlocker-grpc": ["h2c://127.0.0.1:8080"],
    }
    rule = HTTP["routers"]["gymlocker-grpc"]["rule"]
    assert rule.startswith(HTTP["routers"]["gymlocker"]["rule"] + " && ")
    [pattern] = re.findall(r"HeaderRegexp\(`Content-Type`, `(.+)`\)", rule)
    assert re.search(pattern, "application/grpc") and re.search(pattern, "application/grpc+proto")
    assert not re.search(pattern, "application/grpc-web+proto")
    # A client must not name itself.
    headers = HTTP["middlewares"]["gymlocker-headers"]["headers"]
    assert headers["customRequestHeaders"] == {"Remote-User": ""}
