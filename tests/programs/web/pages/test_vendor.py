"""What others wrote is as they published it."""

from pathlib import Path

import pytest

from scripts import vendor
from tests.support.npm import installed
from tests.support.tools import require


@pytest.fixture(scope="session")
def modules() -> Path:
    """What the lock file names, which npm compares with its hashes."""
    require("npm")
    return installed(vendor.LOCK, "vendor")


def test_the_copies_are_what_the_lock_file_says(modules: Path) -> None:
    vendor.check(vendor.copies(modules))


def test_a_copy_that_differs_is_found(modules: Path) -> None:
    fresh = vendor.copies(modules)
    fresh["swagger-ui.css"] += b"/* newer */"
    with pytest.raises(SystemExit, match=r"in: swagger-ui\.css\. Run"):
        vendor.check(fresh)
