"""Mutual TLS between the front door and the workers."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from cryptography.x509 import load_der_x509_certificate
from gymlocker.v2 import user_pb2

from server.errors import StartError
from server.libraries.network.tls import Certificate, Identity, Renewal, identity_of
from server.programs.diagnostics.health import check

from .authority import HOST, Authority
from .processes import FrontDoor, Worker, call, eventually, front_door

pytestmark = pytest.mark.extended


@dataclass(frozen=True)
class Parties:
    """Identities in folders, with certificates of one authority."""

    authority: Authority

    def identity(self, name: str, host: str = HOST) -> Identity:
        """Return the identity of one party for a host."""
        folder = self.authority.folder / name
        self.authority.issue(folder, host)
        return Identity(Certificate(folder / "chain.pem", folder / "key.pem"), self.authority.root)


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    return Parties(Authority(tmp_path_factory.mktemp("parties")))


@pytest.fixture
def strangers(tmp_path: Path) -> Parties:
    """Identities of another authority."""
    return Parties(Authority(tmp_path))


@pytest.fixture(scope="module")
def door(parties: Parties) -> Iterator[FrontDoor]:
    worker, gateway = parties.identity("worker"), parties.identity("gateway")
    with front_door(tcp=True, identity=gateway, of_workers=worker) as door:
        yield door


def status(door: FrontDoor) -> int:
    return door.client.get("/user/abc").status_code


def healthy(door: FrontDoor) -> bool:
    return door.healthy_workers() == len(door.workers)


async def test_serves_calls(door: FrontDoor, parties: Parties) -> None:
    eventually(lambda: healthy(door), "the worker is healthy")
    assert door.client.get("/user/abc").json()["id"] == "abc"
    await check(door.workers[0].address, 10, parties.identity("health"))


async def test_rejects_client_without_certificate(door: FrontDoor, parties: Parties) -> None:
    address = door.workers[0].address
    with pytest.raises(StartError, match="UNAVAILABLE"):
        await check(address, 10)
    alone = grpc.ssl_channel_credentials(parties.authority.root.read_bytes())
    with grpc.secure_channel(address, alone) as channel, pytest.raises(grpc.RpcError) as refused:
        call(channel, "GetUser", user_pb2.GetUserRequest(id_or_lookup="a"))
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_rejects_client_of_another_authority(
    door: FrontDoor, parties: Parties, strangers: Parties
) -> None:
    stranger = strangers.identity("stranger")
    with pytest.raises(StartError, match="UNAVAILABLE"):
        # The client trusts the worker, but not the other way round.
        await check(
            door.workers[0].address, 10, Identity(stranger.certificate, parties.authority.root)
        )


@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_impostor_of_worker_gets_no_calls(parties: Parties, strangers: Parties, wrong: str) -> None:
    gateway = parties.identity("of-gateway")
    if wrong == "name":
        worker = parties.identity("elsewhere", "elsewhere.example")
    else:
        certificate = strangers.identity("worker").certificate
        worker = Identity(certificate, parties.authority.root)
    with front_door(tcp=True, identity=gateway, of_workers=worker) as door:
        failed = "cluster.workers.ssl.fail_verify_" + ("san" if wrong == "name" else "error")
        eventually(lambda: counted(door, failed), "Envoy has checked its certificate")
        assert status(door) == 503


def counted(door: FrontDoor, name: str) -> int:
    [found] = door.admin(f"/stats?format=json&filter=^{name}$")["stats"]
    return int(found["value"])


def serial_number(worker: Worker, who: Identity) -> int:
    """Return the serial number of a worker's certificate."""
    context = ssl.create_default_context(cafile=who.authority)
    context.load_cert_chain(who.certificate.chain, who.certificate.key)
    context.set_alpn_protocols(["h2"])
    host, _, port = worker.address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as connection,
    ):
        shown = connection.getpeercert(binary_form=True)
    assert shown
    return load_der_x509_certificate(shown).serial_number


def test_reloads_renewed_identities_of_both_sides(tmp_path: Path) -> None:
    """Replace the authority and both certificates, one side after the other."""
    old, new = Authority(tmp_path / "old"), Authority(tmp_path / "new")
    both = tmp_path / "both.pem"
    identities = {}
    for folder in (old.folder, new.folder):
        folder.mkdir()
    for name in ("worker", "gateway"):
        folder = tmp_path / name
        old.issue(folder)
        (folder / "ca.pem").write_bytes(old.root.read_bytes())
        certificate = Certificate(folder / "chain.pem", folder / "key.pem")
        identities[name] = Identity(certificate, folder / "ca.pem")

    def trust(name: str, *authorities: Authority) -> None:
        both.write_bytes(b"".join(each.root.read_bytes() for each in authorities))
        both.rename(tmp_path / name / "ca.pem")

    with front_door(
        tcp=True, identity=identities["gateway"], of_workers=identities["worker"]
    ) as door:
        eventually(lambda: status(door) == 200, "calls go through")
        [worker] = door.workers
        for name in identities:
            trust(name, old, new)
        number = new.issue(tmp_path / "worker")
        assert serial_number(worker, identities["gateway"]) == number
        new.issue(tmp_path / "gateway")
        for name in identities:
            trust(name, new)
        # A restarted worker knows only the new authority.
        worker.stop()
        worker.start()
        eventually(lambda: healthy(door) and status(door) == 200, "calls go through again")


def test_ignores_incomplete_renewal(parties: Parties) -> None:
    identity = parties.identity("in-between")
    renewal = Renewal(identity)
    assert renewal.renewed() is None
    before = renewal.current
    parties.identity("in-between")
    key = identity.certificate.key.read_bytes()
    identity.certificate.key.write_bytes(before.key)
    assert renewal.renewed() is None
    identity.certificate.key.write_bytes(key)
    pems = renewal.renewed()
    assert pems is not None and pems.key == key
    assert renewal.renewed() is None


def test_rejects_incomplete_identity(parties: Parties) -> None:
    identity = parties.identity("options")
    chain, key = identity.certificate.chain, identity.certificate.key
    address = ["worker:9090"]
    assert identity_of(None, None, None, "these", address) is None
    assert identity_of(chain, key, identity.authority, "these", address) == identity
    with pytest.raises(StartError, match="these belong together"):
        identity_of(chain, key, None, "these", address)
    with pytest.raises(StartError, match="unix socket"):
        identity_of(chain, key, identity.authority, "these", ["unix:/run/worker.sock"])
    with pytest.raises(StartError, match="no PEM certificate"):
        identity_of(chain, key, key, "these", address)
    with pytest.raises(StartError, match="cannot be read"):
        identity_of(chain, key, Path("/nowhere.pem"), "these", address)
