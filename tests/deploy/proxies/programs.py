"""Caddy and nginx with the files of deploy/proxies, in which only names, ports and files differ."""

import asyncio
import os
import re
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from server.libraries.common.paths import ROOT
from tests.programs.gateway.authority import HOST, Authority
from tests.support.ports import free_port
from tests.support.process import ended
from tests.support.tools import require
from tests.support.waiting import eventually

FOLDER = ROOT / "deploy" / "proxies"
CADDY_OPTIONS = """{{
	admin off
	auto_https disable_redirects
	storage file_system {folder}
}}
"""
NGINX_OPTIONS = """{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/log;
events {{}}
http {{
access_log off;
{paths}
include {folder}/site.conf;
}}
"""
# Folders that nginx creates.
NGINX_PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
NAMES = ("caddy", "nginx")


@dataclass(frozen=True)
class Proxy:
    """A running proxy."""

    name: str
    port: int
    root: Path

    @property
    def url(self) -> str:
        """Return its URL."""
        return f"https://{HOST}:{self.port}"

    def client(self, source: str = "127.0.0.1") -> httpx2.AsyncClient:
        """Return an HTTP/1.1 client that trusts the proxy, and calls from the address `source`."""
        context = ssl.create_default_context(cafile=self.root)
        transport = httpx2.AsyncHTTPTransport(verify=context, local_address=source)
        return httpx2.AsyncClient(transport=transport, base_url=self.url, timeout=60)


@asynccontextmanager
async def running_proxy(
    name: str, folder: Path, upstream: str, portal: str | None = None
) -> AsyncIterator[Proxy]:
    """Run a proxy in front of the address `upstream`. It asks `portal` for users if that is set.

    `folder` is an empty one for its files.
    """
    require(name)
    authority = Authority(folder)
    authority.issue(folder)
    proxy = Proxy(name, free_port(), authority.root)
    configure = {"caddy": _caddy, "nginx": _nginx}[name]
    command, environment = configure(folder, proxy.port, upstream, portal)
    with (folder / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, "HOME": str(folder), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        await eventually(lambda: process.returncode is not None or _listens(proxy.port))
        assert process.returncode is None, (folder / "output").read_text()
        yield proxy
    finally:
        if process.returncode is None:
            process.terminate()
        await ended(process)


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _caddy(
    folder: Path, port: int, upstream: str, portal: str | None
) -> tuple[list[str], dict[str, str]]:
    """Return the command and the environment of Caddy."""
    text = (FOLDER / ("forward-auth.Caddyfile" if portal else "Caddyfile")).read_text()
    site = f"https://{HOST}:{port} {{\n\ttls {folder}/chain.pem {folder}/key.pem"
    assert text.count("{$DOMAIN} {") == 1
    config = folder / "Caddyfile"
    config.write_text(CADDY_OPTIONS.format(folder=folder) + text.replace("{$DOMAIN} {", site))
    environment = {"UPSTREAM": upstream} | ({"PORTAL": portal} if portal else {})
    return ["caddy", "run", "--adapter=caddyfile", f"--config={config}"], environment


def _nginx(
    folder: Path, port: int, upstream: str, portal: str | None
) -> tuple[list[str], dict[str, str]]:
    """Return the command and the environment of nginx."""
    site = (FOLDER / "nginx.conf").read_text()
    if portal:
        included = (FOLDER / "nginx-forward-auth.conf").read_text()
        (folder / "nginx-forward-auth.conf").write_text(included.replace("127.0.0.1:9091", portal))
        site = site.replace(
            "\tlocation / {", f"include {folder}/nginx-forward-auth.conf;\nlocation / {{"
        )
    site = re.sub(r"\tlisten \[::\].*\n", "", site)
    for written, here in (
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("gym.example.com;", f"{HOST};"),
        ("/etc/ssl/gym.example.com.pem", str(folder / "chain.pem")),
        ("/etc/ssl/gym.example.com.key", str(folder / "key.pem")),
        ("127.0.0.1:8080", upstream),
    ):
        assert written in site
        site = site.replace(written, here)
    (folder / "site.conf").write_text(site)
    config = folder / "main.conf"
    paths = "\n".join(f"{name}_temp_path {folder}/{name};" for name in NGINX_PATHS)
    # Its workers could not reach the folder of root's tests.
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(NGINX_OPTIONS.format(user=user, folder=folder, paths=paths))
    return ["nginx", "-e", str(folder / "log"), "-c", str(config)], {}
