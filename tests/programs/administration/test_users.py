"""`gymlocker users`: accounts, passwords, and refusing or deleting a user."""

import json
import stat
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from server.services.credentials.password_hashing import HashedPassword
from tests.programs.administration.conftest import Gymlocker, Query
from tests.programs.administration.rows import ADD_USER

PASSWORD = "correct horse battery"
ADD_SESSION = """
INSERT INTO sessions (user_id, id, created, expiry, family) VALUES
($1, gen_random_uuid(), now(), now() + interval '1 day', $2)
"""
ADD_KEY = """
INSERT INTO access_keys (user_id, id, hash, name, scopes, created)
VALUES ($1, gen_random_uuid(), $2, 'script', '{planner}', now())
"""
ADD_WORKOUT = """
INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created)
VALUES ($1, gen_random_uuid(), '2026-02-07', 'Legs', 'legs', 60, '', now())
"""


@pytest.fixture
def ada(gymlocker: Gymlocker, database_url: str) -> dict[str, Any]:
    """An account."""
    return created(gymlocker, "ada")


def created(gymlocker: Gymlocker, name: str) -> dict[str, Any]:
    ended = gymlocker("users", "create", name, "--json", typed=f"{PASSWORD}\n")
    assert ended.code == 0, ended.errors
    return dict(json.loads(ended.output))


def listed(gymlocker: Gymlocker) -> list[dict[str, Any]]:
    ended = gymlocker("users", "list", "--json")
    assert (ended.code, ended.errors) == (0, "")
    return list(json.loads(ended.output))


def has_password(query: Query, user: dict[str, Any], password: str) -> bool:
    [row] = query("SELECT hashed_password, salt FROM users WHERE id = $1", user["id"])
    return HashedPassword(*row).matches(password)


class TestCreate:
    def test_creates_account_with_password_from_pipe(
        self, gymlocker: Gymlocker, query: Query
    ) -> None:
        ended = gymlocker("users", "create", "Ada", typed=f"{PASSWORD}\nsecond line\n")
        assert (ended.code, ended.output, ended.errors) == (0, "Created Ada.\n", "")
        [user] = listed(gymlocker)
        assert (user["username"], len(user["lookup"])) == ("Ada", 12)
        assert has_password(query, user, PASSWORD)

    def test_generates_password(self, gymlocker: Gymlocker, query: Query) -> None:
        ended = gymlocker("users", "create", "ada", "--generate")
        assert ended.code == 0
        password = ended.output.partition("Password: ")[2].strip()
        assert len(password) == 23
        assert has_password(query, listed(gymlocker)[0], password)

    @pytest.mark.parametrize(
        ("name", "typed", "sentence"),
        [
            ("ADA", PASSWORD, "The username 'ADA' is taken: choose another.\n"),
            ("a\u202eb", PASSWORD, "username: must consist of letters and digits"),
            (str(uuid4()), PASSWORD, "username: must not be a UUID."),
            ("bob", "short", "password: must have at least 8 characters."),
            ("bob the builder", "Bob The Builder", "password: must not be the username"),
            ("bob", "", "Password required: "),
        ],
        ids=["taken", "characters", "UUID", "short", "username", "none"],
    )
    def test_rejects_in_one_sentence(
        self, gymlocker: Gymlocker, ada: dict[str, Any], name: str, typed: str, sentence: str
    ) -> None:
        ended = gymlocker("users", "create", name, typed=typed)
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors.startswith(sentence)
        assert ended.errors.count("\n") == 1
        assert len(listed(gymlocker)) == 1


class TestList:
    def test_says_so_without_users(self, gymlocker: Gymlocker, database_url: str) -> None:
        assert gymlocker("users", "list").output == "There are no users.\n"
        assert listed(gymlocker) == []

    @pytest.mark.parametrize("time", ["-infinity", "infinity"])
    def test_shows_infinite_times_of_a_liftlog_server(
        self, gymlocker: Gymlocker, ada: dict[str, Any], query: Query, time: str
    ) -> None:
        query("UPDATE users SET created = $1::text::timestamptz", time)
        [user] = listed(gymlocker)
        shown = gymlocker("users", "list")
        assert (shown.code, shown.errors) == (0, "")
        assert user["createTime"][:10] in shown.output

    def test_sorts_and_counts(
        self, gymlocker: Gymlocker, ada: dict[str, Any], query: Query
    ) -> None:
        created(gymlocker, "Bob")
        shared = uuid4()
        query(ADD_USER, shared, "sharedlookup")
        query("INSERT INTO identities VALUES ('default', '', $1), ('forwarded', 'eve', $1)", shared)
        for _ in range(2):
            query(ADD_WORKOUT, ada["id"])
        found = listed(gymlocker)
        assert [user["username"] for user in found] == ["ada", "Bob", None]
        assert [user["workouts"] for user in found] == [2, 0, 0]
        assert found[0] == {**ada, "workouts": 2}
        assert found[2] == {
            "id": str(shared),
            "lookup": "sharedlookup",
            "username": None,
            "identities": ["default", "forwarded:eve"],
            "hasLogin": False,
            "createTime": "2026-02-07T00:00:00Z",
            "lastSeenTime": "2026-02-07T00:00:00Z",
            "disabledTime": None,
            "events": 0,
            "workouts": 0,
            "backups": 0,
        }
        table = gymlocker("users", "list").output.splitlines()
        assert table[0].split()[:3] == ["User", "Lookup", "ID"]
        assert table[1].split()[:3] == ["ada", ada["lookup"], ada["id"]]
        assert table[3].startswith("(default), (forwarded:eve)  sharedlookup")

    def test_reads_times_that_python_cannot_represent(
        self, gymlocker: Gymlocker, query: Query
    ) -> None:
        query(ADD_USER, uuid4(), "foreverlogin")
        query("UPDATE users SET last_accessed = 'infinity'")
        assert listed(gymlocker)[0]["lastSeenTime"].startswith("9999-12-31")


class TestResetPassword:
    @pytest.mark.parametrize("by", ["id", "lookup", "username"])
    def test_replaces_password_and_ends_sessions(
        self, gymlocker: Gymlocker, ada: dict[str, Any], query: Query, by: str
    ) -> None:
        query(ADD_SESSION, ada["id"], b"1")
        query(ADD_KEY, ada["id"], b"1")
        ended = gymlocker("users", "reset-password", ada[by], typed="another password")
        assert (ended.code, ended.errors) == (0, "")
        assert ended.output == "ada has a new password; all sessions were ended.\n"
        assert has_password(query, ada, "another password")
        assert query("SELECT 1 FROM sessions") == []
        assert len(query("SELECT 1 FROM access_keys")) == 1

    def test_revokes_keys_and_generates(
        self, gymlocker: Gymlocker, ada: dict[str, Any], query: Query
    ) -> None:
        other = created(gymlocker, "bob")
        for user in (ada, other):
            query(ADD_SESSION, user["id"], user["lookup"].encode())
            query(ADD_KEY, user["id"], user["lookup"].encode())
        ended = gymlocker("users", "reset-password", "ADA", "--generate", "--revoke-keys", "--json")
        assert has_password(query, ada, json.loads(ended.output)["password"])
        assert has_password(query, other, PASSWORD)
        for table in ("sessions", "access_keys"):
            assert [str(user_id) for (user_id,) in query(f"SELECT user_id FROM {table}")] == [
                other["id"]
            ]

    def test_rejects_weak_password(
        self, gymlocker: Gymlocker, ada: dict[str, Any], query: Query
    ) -> None:
        query(ADD_SESSION, ada["id"], b"1")
        ended = gymlocker("users", "reset-password", "ada", typed="password1")
        assert ended.code == 1
        assert ended.errors.startswith("password: must not be one of the most common")
        assert has_password(query, ada, PASSWORD)
        assert len(query("SELECT 1 FROM sessions")) == 1

    def test_gives_no_login_to_identity(self, gymlocker: Gymlocker, query: Query) -> None:
        query(ADD_USER, uuid4(), "sharedlookup")
        query("INSERT INTO identities SELECT 'default', '', id FROM users")
        ended = gymlocker("users", "reset-password", "sharedlookup", typed=PASSWORD)
        assert (ended.code, ended.errors) == (
            1,
            "default is an identity without a login: it has no password.\n",
        )
        assert query("SELECT hashed_password FROM users") == [("",)]


class TestDisable:
    def test_ends_sessions_and_keeps_the_rest(
        self, gymlocker: Gymlocker, ada: dict[str, Any], query: Query
    ) -> None:
        query(ADD_SESSION, ada["id"], b"1")
        query(ADD_KEY, ada["id"], b"1")
        for _ in range(2):
            ended = gymlocker("users", "disable", "ada")
            assert ended.output == "ada is disabled; all sessions were ended.\n"
        assert query("SELECT 1 FROM sessions") == []
        assert len(query("SELECT 1 FROM access_keys")) == 1
        assert listed(gymlocker)[0]["disabledTime"] is not None
        assert gymlocker("users", "enable", "ada").output == "ada is enabled.\n"
        assert listed(gymlocker)[0]["disabledTime"] is None


class TestDelete:
    def test_refuses_to_ask_without_terminal(
        self, gymlocker: Gymlocker, ada: dict[str, Any]
    ) -> None:
        ended = gymlocker("users", "delete", "ada", typed="y\n")
        assert (ended.code, ended.output) == (1, "")
        assert "pass --yes" in ended.errors
        assert len(listed(gymlocker)) == 1

    def test_deletes_user_with_data(
        self, gymlocker: Gymlocker, ada: dict[str, Any], query: Query
    ) -> None:
        created(gymlocker, "bob")
        query(ADD_WORKOUT, ada["id"])
        ended = gymlocker("users", "delete", ada["lookup"], "--yes")
        assert ended.output == (
            f"Deleted: ada ({ada['lookup']}; 0 events, 1 workout, 0 backups).\n"
        )
        assert [user["username"] for user in listed(gymlocker)] == ["bob"]
        assert query("SELECT 1 FROM workouts") == []


class TestUser:
    @pytest.mark.parametrize("command", ["delete", "disable", "enable", "reset-password"])
    def test_unknown_one_is_named(
        self, gymlocker: Gymlocker, database_url: str, command: str
    ) -> None:
        options = ["--yes"] if command == "delete" else []
        ended = gymlocker("users", command, "eve", *options, typed=PASSWORD)
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors == "There is no user 'eve': `gymlocker users list` shows all of them.\n"


class TestExport:
    def test_writes_private_file(
        self, gymlocker: Gymlocker, ada: dict[str, Any], query: Query, tmp_path: Path
    ) -> None:
        query(ADD_WORKOUT, ada["id"])
        ended = gymlocker("users", "export", "ada", "ada.json")
        file = tmp_path / "ada.json"
        size = file.stat().st_size
        assert (ended.code, ended.errors) == (0, "")
        assert ended.output == f"Wrote {size:,} bytes of ada to ada.json.\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        document = json.loads(file.read_text())
        assert document["account"]["username"] == "ada"
        assert [workout["type"] for workout in document["workouts"]] == ["Legs"]
        assert "hashed" not in file.read_text()
        assert gymlocker("users", "export", "ada", "ada.json").code == 1
        ended = gymlocker("users", "export", "ada", "ada.json", "--force", "--json")
        assert json.loads(ended.output) == {
            "userId": ada["id"],
            "file": str(file),
            "size": size,
        }

    def test_unknown_user_leaves_no_file(
        self, gymlocker: Gymlocker, database_url: str, tmp_path: Path
    ) -> None:
        assert gymlocker("users", "export", "eve", "eve.json").code == 1
        assert [path.name for path in tmp_path.iterdir()] == ["typed"]
