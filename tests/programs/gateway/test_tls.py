"""TLS at the front door: versions, ciphers and renewal."""

import socket
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx2
import pytest
from cryptography.x509 import load_der_x509_certificate
from gymlocker.v2 import user_pb2

from server.errors import StartError
from server.libraries.network.tls import Certificate, certificate_of

from .authority import HOST, Authority
from .processes import FrontDoor, call, eventually, front_door

pytestmark = pytest.mark.extended


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def folder(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate and its key."""
    folder = tmp_path_factory.mktemp("tls")
    authority.issue(folder)
    return folder


@pytest.fixture(scope="module")
def door(folder: Path) -> Iterator[FrontDoor]:
    with front_door(certificate=Certificate(folder / "chain.pem", folder / "key.pem")) as door:
        yield door


def context(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority.root)


def serial_number(door: FrontDoor, authority: Authority) -> int:
    """Return the serial number of the certificate on a new connection."""
    with (
        socket.create_connection(("127.0.0.1", door.port), timeout=10) as plain,
        context(authority).wrap_socket(plain, server_hostname=HOST) as connection,
    ):
        shown = connection.getpeercert(binary_form=True)
    assert shown
    return load_der_x509_certificate(shown).serial_number


def test_serves_rest_and_grpc(door: FrontDoor, authority: Authority) -> None:
    url = f"https://{HOST}:{door.port}"
    with httpx2.Client(base_url=url, verify=context(authority), http2=False) as client:
        response = client.get("/user/abc")
        assert response.json()["id"] == "abc"
        assert response.headers["strict-transport-security"] == "max-age=63072000"
        assert response.headers["alt-svc"] == f'h3=":{door.port}"; ma=86400'
        # Envoy's own responses have it, too.
        assert "strict-transport-security" in client.get("/nowhere").headers
    credentials = grpc.ssl_channel_credentials(authority.root.read_bytes())
    with grpc.secure_channel(f"{HOST}:{door.port}", credentials) as channel:
        assert call(channel, "GetUser", user_pb2.GetUserRequest(id_or_lookup="a")).id == "a"


def test_rejects_plain_text(door: FrontDoor) -> None:
    with pytest.raises(httpx2.HTTPError):
        httpx2.get(f"http://127.0.0.1:{door.port}/user/abc", timeout=10)


def test_offers_both_versions_of_http(door: FrontDoor, authority: Authority) -> None:
    for offered in ("h2", "http/1.1"):
        wanted = context(authority)
        wanted.set_alpn_protocols([offered])
        with (
            socket.create_connection(("127.0.0.1", door.port), timeout=10) as plain,
            wanted.wrap_socket(plain, server_hostname=HOST) as connection,
        ):
            assert connection.selected_alpn_protocol() == offered


@pytest.mark.parametrize(
    ("version", "ciphers"),
    [
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
        # Without forward secrecy, and with a broken mode.
        (ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA"),
    ],
)
def test_rejects_weak_versions_and_ciphers(
    door: FrontDoor, authority: Authority, version: ssl.TLSVersion, ciphers: str
) -> None:
    weak = context(authority)
    weak.set_ciphers(ciphers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        weak.minimum_version = weak.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", door.port), timeout=10) as plain,
        pytest.raises((ssl.SSLError, ConnectionResetError)),
    ):
        weak.wrap_socket(plain, server_hostname=HOST)


def test_reloads_renewed_certificate(authority: Authority, tmp_path: Path) -> None:
    before = authority.issue(tmp_path)
    certificate = Certificate(tmp_path / "chain.pem", tmp_path / "key.pem")
    with front_door(certificate=certificate) as door:
        assert serial_number(door, authority) == before
        after = authority.issue(tmp_path)
        eventually(lambda: serial_number(door, authority) == after, "the new one is shown")


def test_reloads_certificate_renewed_by_kubernetes(authority: Authority, tmp_path: Path) -> None:
    """The files are links into a folder that is itself a link; the renewal replaces it."""
    numbers = []
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        numbers.append(authority.issue(tmp_path / version))
    mount = tmp_path / "mount"
    mount.mkdir()
    (mount / "..data").symlink_to("../one")
    for name in ("chain.pem", "key.pem"):
        (mount / name).symlink_to(f"..data/{name}")
    certificate = Certificate(mount / "chain.pem", mount / "key.pem")
    with front_door(certificate=certificate) as door:
        assert serial_number(door, authority) == numbers[0]
        (mount / "..new").symlink_to("../two")
        (mount / "..new").rename(mount / "..data")
        eventually(lambda: serial_number(door, authority) == numbers[1], "the new one is shown")


def test_rejects_mismatched_files(authority: Authority, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        authority.issue(tmp_path / name)
    chain, key = tmp_path / "one" / "chain.pem", tmp_path / "two" / "key.pem"
    with pytest.raises(StartError, match="do not match"):
        Certificate(chain, key)
    with pytest.raises(StartError, match="cannot be read"):
        Certificate(chain, tmp_path / "nowhere.pem")
    with pytest.raises(StartError, match="belong together"):
        certificate_of(chain, None)
    assert certificate_of(None, None) is None
