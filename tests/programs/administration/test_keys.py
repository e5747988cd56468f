"""`gymlocker keys`, and `gymlocker users invite`."""

import datetime as dt
import json
from typing import Any
from uuid import UUID

import pytest
from gymlocker.v2 import auth_pb2

from server.errors import StartError
from server.programs.administration.keys import expiry_of
from server.programs.cli.keys import Scope
from server.services.auth.access_keys import hash_of
from server.services.credentials.registration import code_hash
from tests.programs.administration.conftest import Gymlocker, Query
from tests.programs.administration.rows import add_identity

NOW = dt.datetime(2026, 2, 7, 12, tzinfo=dt.UTC)


@pytest.fixture
def ada(gymlocker: Gymlocker, database_url: str) -> str:
    return str(json.loads(gymlocker("users", "create", "ada", "--json", "--generate").output)["id"])


def created(gymlocker: Gymlocker, user: str, *options: str) -> dict[str, Any]:
    scope = ("--scope", "backup.write", "--scope", "planner", "--scope", "planner")
    ended = gymlocker("keys", "create", user, "--name", "phone", *scope, "--json", *options)
    assert ended.code == 0, ended.errors
    return dict(json.loads(ended.output))


class TestCreate:
    def test_stores_hash_of_key(self, gymlocker: Gymlocker, ada: str, query: Query) -> None:
        key = created(gymlocker, "ADA", "--expires", "90d")
        assert (key["user"], key["userId"], key["name"]) == ("ada", ada, "phone")
        assert key["scopes"] == ["backup.write", "planner"]
        [row] = query("SELECT user_id, id, hash, scopes, expiry - now() FROM access_keys")
        assert row[:4] == (UUID(ada), UUID(key["id"]), hash_of(key["key"]), key["scopes"])
        assert dt.timedelta(days=89) < row[4] < dt.timedelta(days=90)

    def test_prints_key_once(self, gymlocker: Gymlocker, ada: str, query: Query) -> None:
        ended = gymlocker("keys", "create", "ada", "--name", "phone", "--scope", "backup")
        key = ended.output.splitlines()[0].removeprefix("Key: ")
        assert query("SELECT expiry FROM access_keys WHERE hash = $1", hash_of(key)) == [(None,)]
        for options in ((), ("--json",)):
            assert key not in gymlocker("keys", "list", *options).output

    @pytest.mark.parametrize(
        ("user", "options", "sentence"),
        [
            ("eve", (), "There is no user 'eve': "),
            ("ada", ("--name", " "), "The name of a key has 1 to 100 characters: "),
            ("ada", ("--name", "n" * 101), "The name of a key has 1 to 100 characters: "),
            ("ada", ("--expires", "soon"), "'soon' is no lifetime: write it as 90d, 12h or a date"),
            ("ada", ("--expires", "0d"), "The key would have expired already: "),
        ],
        ids=["user", "blank", "long", "lifetime", "past"],
    )
    def test_rejects_in_one_sentence(
        self,
        gymlocker: Gymlocker,
        ada: str,
        query: Query,
        user: str,
        options: tuple[str, ...],
        sentence: str,
    ) -> None:
        ended = gymlocker("keys", "create", user, "--name", "phone", "--scope", "backup", *options)
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors.startswith(sentence)
        assert ended.errors.count("\n") == 1
        assert query("SELECT 1 FROM access_keys") == []

    def test_rejects_identity_without_login(
        self, gymlocker: Gymlocker, ada: str, query: Query
    ) -> None:
        default = add_identity(query, "default", "")
        ended = gymlocker("keys", "create", str(default), "--name", "x", "--scope", "backup")
        assert ended.errors.startswith("default is an identity without a login: ")

    def test_51st_is_rejected(self, gymlocker: Gymlocker, ada: str, query: Query) -> None:
        created(gymlocker, "ada")
        query(
            "INSERT INTO access_keys SELECT user_id, gen_random_uuid(), n::text::bytea, name, "
            "scopes, created FROM access_keys, generate_series(2, 50) n"
        )
        ended = gymlocker("keys", "create", "ada", "--name", "x", "--scope", "backup")
        assert ended.code == 1
        assert "50 access keys" in ended.errors


class TestList:
    def test_shows_keys_of_all_users_or_one(
        self, gymlocker: Gymlocker, ada: str, query: Query
    ) -> None:
        gymlocker("users", "create", "bob", "--generate")
        assert gymlocker("keys", "list").output == "There are no access keys.\n"
        keys = [created(gymlocker, name) for name in ("bob", "ada")]
        found = json.loads(gymlocker("keys", "list", "--json").output)
        for key in keys:
            del key["key"]
        assert found == keys[::-1]
        assert json.loads(gymlocker("keys", "list", "bob", "--json").output) == keys[:1]
        table = gymlocker("keys", "list", "bob").output.splitlines()
        assert len(table) == 2
        assert table[1].split()[:5] == ["bob", keys[0]["id"], "phone", "backup.write", "planner"]


class TestDelete:
    def test_deletes_one(self, gymlocker: Gymlocker, ada: str, query: Query) -> None:
        keys = [created(gymlocker, "ada") for _ in range(2)]
        ended = gymlocker("keys", "delete", keys[0]["id"])
        assert (ended.code, ended.output) == (1, "")
        assert "pass --yes" in ended.errors
        ended = gymlocker("keys", "delete", keys[0]["id"], "--yes")
        assert ended.output == "Deleted: phone of ada.\n"
        assert query("SELECT id FROM access_keys") == [(UUID(keys[1]["id"]),)]

    @pytest.mark.parametrize("key_id", ["11111111-2222-4333-8444-555555555555", "x"])
    def test_unknown_one_is_named(
        self, gymlocker: Gymlocker, database_url: str, key_id: str
    ) -> None:
        ended = gymlocker("keys", "delete", key_id, "--yes")
        assert ended.code == 1
        assert ended.errors == (
            f"There is no key '{key_id}': `gymlocker keys list` shows the ids.\n"
        )


class TestInvite:
    def test_stores_hash_of_code(self, gymlocker: Gymlocker, query: Query) -> None:
        ended = gymlocker("users", "invite", "--days", "2", "--json")
        code = json.loads(ended.output)["inviteCode"]
        [(stored, lifetime)] = query("SELECT hash, expiry - created FROM invitations")
        assert (stored, lifetime) == (code_hash(code), dt.timedelta(days=2))
        printed = gymlocker("users", "invite").output
        other = printed.splitlines()[0].removeprefix("Invitation: ")
        assert query("SELECT expiry - created FROM invitations WHERE hash = $1", code_hash(other))
        assert "It can be used once, until " in printed


class TestExpiryOf:
    @pytest.mark.parametrize(
        ("text", "expiry"),
        [
            (None, None),
            ("90d", NOW + dt.timedelta(days=90)),
            ("12h", NOW + dt.timedelta(hours=12)),
            ("2026-02-08", dt.datetime(2026, 2, 8, tzinfo=dt.UTC)),
        ],
    )
    def test_reads_lifetimes_and_dates(self, text: str | None, expiry: dt.datetime | None) -> None:
        assert expiry_of(text, NOW) == expiry

    @pytest.mark.parametrize(
        "text", ["", "90", "-1d", "1.5d", "99999999d", "2026-13-01", "2026-02-07"]
    )
    def test_rejects_others(self, text: str) -> None:
        with pytest.raises(StartError):
            expiry_of(text, NOW)


class TestScope:
    def test_is_that_of_contract(self) -> None:
        field = auth_pb2.CreateAccessKeyRequest.DESCRIPTOR.fields_by_name["scopes"]
        [(_, rules)] = [
            (option, value)
            for option, value in field.GetOptions().ListFields()
            if option.full_name == "buf.validate.field"
        ]
        allowed = getattr(rules.repeated.items.string, "in")
        assert [scope.value for scope in Scope] == list(allowed)
