"""Fixtures: the server of a household, as its operator sets it up for LiftLog's app."""

from collections.abc import Iterator

import pytest

from tests.support.stack import Stack, running_stack

SHARED_KEY = "a-shared-key-of-the-household-2026"


@pytest.fixture(scope="package")
def household(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A server with an embedded PostgreSQL, backups in a folder and a shared key."""
    with running_stack(
        tmp_path_factory.mktemp("household"), API_KEY=SHARED_KEY, BACKUPS_PER_USER="0"
    ) as stack:
        yield stack
