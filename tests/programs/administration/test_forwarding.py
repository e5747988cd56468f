"""`gymlocker users link-forward`."""

import json
from uuid import UUID

import pytest

from tests.programs.administration.conftest import Gymlocker, Query
from tests.programs.administration.rows import add_backup, add_identity, add_object

LINKS = "SELECT name, user_id FROM identities WHERE kind = 'forwarded' ORDER BY name"
BACKUPS = "SELECT id FROM backups WHERE user_id = $1 ORDER BY created DESC"


@pytest.fixture
def ada(gymlocker: Gymlocker, database_url: str) -> UUID:
    return created(gymlocker, "ada")


def created(gymlocker: Gymlocker, name: str) -> UUID:
    ended = gymlocker("users", "create", name, "--json", "--generate")
    return UUID(json.loads(ended.output)["id"])


class TestLinkForward:
    def test_moves_backups_and_removes_identitys_user(
        self, gymlocker: Gymlocker, ada: UUID, query: Query
    ) -> None:
        identity = add_identity(query, "forwarded", "Ada")
        other = add_identity(query, "forwarded", "ada")
        # The same bytes are stored for both, and one object is shared by two entries.
        mine, theirs = (add_object(query, owner, b"same") for owner in (ada, identity))
        rest, kept = add_object(query, identity, b"rest"), add_object(query, other, b"rest")
        entries = [
            add_backup(query, ada, mine, 1),
            add_backup(query, identity, theirs, 2),
            add_backup(query, identity, rest, 3),
            add_backup(query, ada, mine, 4),
            add_backup(query, identity, theirs, 5),
        ]
        add_backup(query, other, kept, 6)
        ended = gymlocker("users", "link-forward", "Ada", "ada")
        assert (ended.code, ended.errors) == (0, "")
        assert ended.output == "Ada is linked to ada. 3 backups moved.\n"
        assert query(LINKS) == [("Ada", ada), ("ada", other)]
        assert [row[0] for row in query(BACKUPS, ada)] == entries[::-1]
        assert query("SELECT 1 FROM users WHERE id = $1", identity) == []
        owners: dict[UUID, UUID] = dict(query("SELECT id, user_id FROM backup_objects"))
        assert owners == {mine: ada, theirs: ada, rest: ada, kept: other}
        assert query("SELECT 1 FROM backup_objects WHERE unused IS NOT NULL") == []

    def test_leaves_upload_in_progress_to_sweep(
        self, gymlocker: Gymlocker, ada: UUID, query: Query
    ) -> None:
        identity = add_identity(query, "forwarded", "eve")
        arriving = add_object(query, identity, None)
        ended = gymlocker("users", "link-forward", "eve", "ada", "--json")
        assert json.loads(ended.output) == {"name": "eve", "userId": str(ada), "movedBackups": 0}
        assert query("SELECT id, user_id FROM backup_objects WHERE unused IS NOT NULL") == [
            (arriving, identity)
        ]

    def test_can_be_repeated_and_done_in_advance(
        self, gymlocker: Gymlocker, ada: UUID, query: Query
    ) -> None:
        assert gymlocker("users", "link-forward", "eve", "ada").output == "eve is linked to ada.\n"
        assert query(LINKS) == [("eve", ada)]
        ended = gymlocker("users", "link-forward", "eve", str(ada))
        assert ended.output == "eve was linked to ada already.\n"
        assert query(LINKS) == [("eve", ada)]

    def test_other_account_must_be_replaced_explicitly(
        self, gymlocker: Gymlocker, ada: UUID, query: Query
    ) -> None:
        bob = created(gymlocker, "bob")
        gymlocker("users", "link-forward", "eve", "bob")
        backup = add_backup(query, bob, add_object(query, bob, b"1"), 1)
        ended = gymlocker("users", "link-forward", "eve", "ada")
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors.startswith("'eve' is linked to bob: pass --replace")
        assert query(LINKS) == [("eve", bob)]
        assert gymlocker("users", "link-forward", "eve", "ada", "--replace").code == 0
        assert query(LINKS) == [("eve", ada)]
        assert query(BACKUPS, bob) == [(backup,)]

    @pytest.mark.parametrize("name", ["", " eve", "eve\t", "ünal", "e" * 257])
    def test_rejects_name_that_no_proxy_can_send(
        self, gymlocker: Gymlocker, ada: UUID, query: Query, name: str
    ) -> None:
        ended = gymlocker("users", "link-forward", name, "ada")
        assert ended.code == 1
        assert ended.errors.startswith("A forwarded name has 1 to 256 printable ASCII characters")
        assert query(LINKS) == []

    def test_links_to_accounts_alone(self, gymlocker: Gymlocker, ada: UUID, query: Query) -> None:
        default = add_identity(query, "default", "")
        ended = gymlocker("users", "link-forward", "eve", str(default))
        assert ended.errors == "default is an identity without a login: name an account.\n"
        assert query(LINKS) == []
