"""What testssl.sh has to say about `gymlocker up` with a certificate: nothing worse than LOW."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.programs.gateway.authority import HOST, Authority
from tests.support.stack import running_stack
from tests.support.tools import require

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
def test_no_weakness_is_worse_than_low(tmp_path: Path, empty_database: str) -> None:
    require("testssl")
    authority = Authority(tmp_path)
    authority.issue(tmp_path)
    report = tmp_path / "report.json"
    options = ("--warnings=off", "--nodns=none", "--ip=127.0.0.1", f"--add-ca={authority.root}")
    files = (f"--tls-cert={tmp_path}/chain.pem", f"--tls-key={tmp_path}/key.pem")
    with running_stack(tmp_path / "data", *files, DATABASE_URL=empty_database) as stack:
        run = subprocess.run(
            ["testssl", *options, *CHECKS, f"--jsonfile={report}", f"https://{HOST}:{stack.port}/"],
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
