"""Third-party files match their published versions."""

from pathlib import Path

import pytest

from scripts import vendor
from tests.support.npm import installed
from tests.support.tools import require

pytestmark = pytest.mark.extended


@pytest.fixture(scope="session")
def modules() -> Path:
    """The packages of the lock file, verified by npm."""
    require("npm")
    return installed(vendor.LOCK, "vendor")


def test_copies_match_lock_file(modules: Path) -> None:
    vendor.check(vendor.copies(modules))


def test_reports_changed_copy(modules: Path) -> None:
    fresh = vendor.copies(modules)
    fresh["swagger-ui.css"] += b"/* newer */"
    with pytest.raises(SystemExit, match=r"in: swagger-ui\.css\. Run"):
        vendor.check(fresh)
