"""What testssl.sh has to say about TLS at the front door: nothing worse than LOW."""

import json
import subprocess
from pathlib import Path

import pytest

from server.tls import Certificate
from tests.tools import require

from .authority import HOST, Authority
from .processes import front_door

# Protocols, ciphers, what the server prefers, what it shows, headers, vulnerabilities.
CHECKS = ("-p", "-s", "-P", "-S", "-h", "-U")
# One of each: that it was looked for.
LOOKED_FOR = {
    "TLS1",
    "cipherlist_NULL",
    "cipher_negotiated",
    "cert_trust",
    "HSTS_time",
    "heartbleed",
}
HARMLESS = {"OK", "INFO", "LOW"}
NOT_OURS = {
    "engine_problem": "the OpenSSL of this machine knows no GOST",
    "cert_revocation": "a private authority has nowhere to ask what was revoked",
}


@pytest.mark.timeout(400)
def test_no_weakness_is_worse_than_low(tmp_path: Path) -> None:
    require("testssl")
    authority = Authority(tmp_path)
    authority.written(tmp_path)
    report = tmp_path / "report.json"
    options = ("--warnings=off", "--nodns=none", "--ip=127.0.0.1", f"--add-ca={authority.root}")
    with front_door(certificate=Certificate(tmp_path / "chain.pem", tmp_path / "key.pem")) as door:
        url = f"https://{HOST}:{door.port}/health"
        run = subprocess.run(
            ["testssl", *options, *CHECKS, f"--jsonfile={report}", url],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
    assert run.returncode == 0, run.stdout
    found = {finding["id"]: finding for finding in json.loads(report.read_text())}
    assert found.keys() >= LOOKED_FOR
    assert [
        f"{name}: {finding['severity']}, {finding['finding']}"
        for name, finding in found.items()
        if finding["severity"] not in HARMLESS and name not in NOT_OURS
    ] == []
