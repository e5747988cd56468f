"""`gymlocker up` with a certificate."""

import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from server.errors import StartError
from server.libraries.network.tls import Certificate
from server.programs.local.probes import serves
from tests.programs.gateway.authority import HOST, Authority
from tests.programs.gateway.http3 import connected
from tests.support.command import gymlocker
from tests.support.ports import free_port
from tests.support.stack import running_stack

pytestmark = pytest.mark.extended


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path)
    authority.issue(tmp_path)
    return authority


def options(authority: Authority) -> list[str]:
    return [f"--tls-cert={authority.folder}/chain.pem", f"--tls-key={authority.folder}/key.pem"]


class TestCertificate:
    def test_rejects_key_that_is_not_pem(self, authority: Authority, tmp_path: Path) -> None:
        (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE")
        with pytest.raises(StartError, match=r"or has a password\.$"):
            Certificate(tmp_path / "chain.pem", tmp_path / "key.pem")


class TestStack:
    async def test_serves_https_and_http3(self, authority: Authority, empty_database: str) -> None:
        data = authority.folder / "data"
        with running_stack(data, *options(authority), DATABASE_URL=empty_database) as stack:
            assert stack.url.startswith("https://127.0.0.1:")
            trusted = ssl.create_default_context(cafile=authority.root)
            async with httpx2.AsyncClient(verify=trusted, timeout=20) as client:
                response = await client.get(f"https://{HOST}:{stack.port}/health")
            assert response.json() == {"status": "ok"}
            async with connected(stack.port, authority.root) as connection:
                by_http3 = await connection.request("GET", "/health")
            assert by_http3.json() == {"status": "ok"}
            for way in ((), ("--http",)):
                ended = await gymlocker("health", "--tls", *way, "--address", stack.address)
                assert (ended.code, ended.output, ended.errors) == (0, "", "")
                # Without TLS, the check fails.
                ended = await gymlocker("health", *way, "--address", stack.address)
                assert ended.code == 1 and ended.errors.startswith(stack.address)
            assert not await serves("127.0.0.1", stack.port)

    async def test_serves_without_http3_if_udp_port_is_taken(
        self, authority: Authority, empty_database: str
    ) -> None:
        """The stack runs without HTTP/3."""
        data, port = authority.folder / "data", free_port()
        with socket.socket(type=socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", port))
            with running_stack(
                data, *options(authority), port=port, DATABASE_URL=empty_database
            ) as stack:
                trusted = ssl.create_default_context(cafile=authority.root)
                async with httpx2.AsyncClient(verify=trusted, timeout=20) as client:
                    response = await client.get(f"https://{HOST}:{stack.port}/health")
                assert stack.url == f"https://127.0.0.1:{port}"
        assert response.json() == {"status": "ok"}
        assert "alt-svc" not in response.headers

    def test_mismatched_key_is_reported_in_one_sentence(
        self, authority: Authority, tmp_path: Path
    ) -> None:
        (tmp_path / "other").mkdir()
        authority.issue(tmp_path / "other")
        (tmp_path / "other" / "key.pem").rename(tmp_path / "key.pem")
        run = subprocess.run(
            [sys.executable, "-P", "-m", "server", "up", "--port=0", *options(authority)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=60,
        )
        assert run.returncode == 1
        assert "do not match" in run.stderr and len(run.stderr.splitlines()) == 1
