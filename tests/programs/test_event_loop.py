"""The event loop: uvloop is optional, for not every platform has it."""

from pathlib import Path

import httpx2
import pytest

from tests.support.stack import running_stack

pytestmark = pytest.mark.extended

WITHOUT_UVLOOP = "import sys\nsys.modules['uvloop'] = None\n"


def test_serves_without_uvloop(empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_UVLOOP)
    account = {"username": "ada", "password": "correct horse battery"}
    with running_stack(
        tmp_path / "data", DATABASE_URL=empty_database, PYTHONPATH=str(tmp_path)
    ) as stack:
        page = httpx2.get(f"{stack.url}/docs")
        registered = httpx2.post(f"{stack.url}/auth/register", json=account)
    assert (page.status_code, registered.status_code) == (200, 200)
    assert stack.process.returncode == 0
