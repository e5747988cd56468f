"""The findings of testssl.sh about `gymlocker up` with a certificate: none worse than LOW."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.programs.gateway.authority import HOST, Authority
from tests.support.stack import running_stack
from tests.support.tools import require

pytestmark = pytest.mark.extended

# Protocols, ciphers, server preferences, server defaults, headers, vulnerabilities.
CHECKS = ("-p", "-s", "-P", "-S", "-h", "-U")
# One finding of each check, to prove that it ran.
CHECKED = {
    "TLS1",
    "cipherlist_NULL",
    "cipher_negotiated",
    "cert_trust",
    "HSTS_time",
    "heartbleed",
}
HARMLESS = {"OK", "INFO", "LOW"}
UNRELATED = {
    "engine_problem": "the OpenSSL of this machine has no GOST",
    "cert_revocation": "a private authority publishes no revocations",
}


@pytest.mark.timeout(400)
def test_finds_no_weakness_above_low(tmp_path: Path, empty_database: str) -> None:
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
    assert found.keys() >= CHECKED
    assert [
        f"{name}: {finding['severity']}, {finding['finding']}"
        for name, finding in found.items()
        if finding["severity"] not in HARMLESS and name not in UNRELATED
    ] == []
