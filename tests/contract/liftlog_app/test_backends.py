"""Settings → Backends of LiftLog's app: the Test button, free headers, and each assignment."""

import base64
import gzip
import hashlib
import secrets
from itertools import pairwise

import pytest

from tests.contract.liftlog_app.app import App, Person
from tests.contract.liftlog_app.conftest import SHARED_KEY
from tests.support.stack import Stack, running_stack

pytestmark = pytest.mark.extended

KEY = ("X-API-Key", SHARED_KEY)
BASIC = ("Authorization", "Basic " + base64.b64encode(b"home:proxy").decode())
# What people enter for the proxies in front of their servers, and what is left from other servers.
FREE_HEADERS: dict[str, list[tuple[str, str]]] = {
    "none": [],
    "shared key": [KEY],
    "key in lower case": [("x-api-key", SHARED_KEY)],
    "basic": [BASIC],
    "basic and key": [BASIC, KEY],
    "bearer of a proxy": [("Authorization", "Bearer 1f0c-opaque-token")],
    "bearer that looks like a JWT": [("Authorization", "Bearer aaaa.bbbb.cccc")],
    "stale access key": [("Authorization", f"Bearer glk_{'A' * 43}")],
    "unknown scheme": [("Authorization", "Custom x=y")],
    "purchase token": [("Authorization", "Web of-another-server")],
    "stale key": [("X-API-Key", "of-another-server")],
    "Cloudflare": [("CF-Access-Client-Id", "a.access"), ("CF-Access-Client-Secret", "b" * 64)],
    "cookie": [("Cookie", "session=abc; theme=dark")],
    "tracing": [("traceparent", f"00-{'a' * 32}-{'b' * 16}-01"), ("tracestate", "a=b")],
    "underscore": [("my_header", "value")],
    "empty": [("X-Empty", "")],
    "forwarded user": [("Remote-User", "default")],
    "many": [(f"X-Header-{number}", "v" * 100) for number in range(40)],
}


def backup_file(size: int = 50_000) -> bytes:
    """Return a file that begins like a backup; its contents are random."""
    return gzip.compress(secrets.token_bytes(size))


@pytest.fixture(params=list(FREE_HEADERS.values()), ids=list(FREE_HEADERS))
def app(household: Stack, request: pytest.FixtureRequest) -> App:
    return App(household.url, request.param)


class TestTestButton:
    @pytest.mark.parametrize("prefix", ["", "/v2"])
    def test_recognises_the_server(self, app: App, prefix: str) -> None:
        app.url += prefix
        assert app.test() == ""

    def test_lists_exactly_the_four_features(self, app: App) -> None:
        assert app.send("GET", "/features").json == {
            "feed": True,
            "sharing": True,
            "aiPlanner": True,
            "backup": True,
        }
        head = app.send("HEAD", "/features")
        assert (head.status, head.body) == (200, b"")

    def test_checks_the_key_of_backups(self, household: Stack) -> None:
        assert App(household.url, [KEY]).test(backup=True) == ""
        assert App(household.url, [BASIC, KEY]).test(backup=True) == ""
        for headers in ([], [BASIC], [("X-API-Key", "wrong")], [("Remote-User", "default")]):
            assert App(household.url, headers).test(backup=True) == "backup refused: 401"

    def test_stores_nothing(self, household: Stack) -> None:
        app = App(household.url, [KEY])
        before = app.send("GET", "/backups").json
        assert app.test(backup=True) == ""
        assert app.send("GET", "/backups").json == before


class TestFeed:
    def test_works_with_any_free_header(self, app: App) -> None:
        ada, ben = app.create_user(), app.create_user()
        assert ada.update().status == 200
        profile = app.send("GET", f"/user/{ada.lookup}")
        assert (profile.status, profile.json["id"]) == (200, ada.id)
        assert ben.request_to_follow(ada).status == 200
        assert len(ada.read_inbox().json["inboxMessages"]) == 1
        secret, payload = ada.accept(), ada.publish()
        found = ben.poll(ada, secret)
        assert found.status == 200
        assert [event["encryptedEventPayload"] for event in found.json["events"]] == [payload]
        shared = ada.share()
        assert app.send("GET", f"/shareditem/{shared.json['id']}").status == 200
        for person in (ada, ben):
            assert person.delete().status == 200

    def test_rejects_a_wrong_password_with_any_free_header(self, app: App) -> None:
        ada = app.create_user()
        stranger = Person(app, ada.id, ada.lookup, "wrong")
        assert stranger.read_inbox().status == 401
        assert ada.delete().status == 200


class TestBackup:
    @pytest.fixture
    def app(self, household: Stack) -> App:
        return App(household.url, [BASIC, KEY])

    @pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
    @pytest.mark.parametrize("path", ["/backup", "/v2/backup", "/backup?utm=1&file=x"])
    def test_returns_what_came(self, app: App, path: str, *, chunked: bool) -> None:
        file = backup_file()
        sent = app.send("POST", path, file, chunked=chunked)
        assert sent.status == 200
        digest = hashlib.sha256(file).hexdigest()
        assert (sent.json["size"], sent.json["sha256"]) == (len(file), digest)
        got = app.send("GET", path.partition("?")[0])
        assert (got.status, got.body) == (200, file)
        assert got.headers["content-type"] == "application/gzip"
        assert got.headers["etag"] == f'"{digest}"'
        name = got.headers["content-disposition"]
        assert name.startswith('attachment; filename="2') and name.endswith('.liftlogbackup.gz"')
        head = app.send("HEAD", path.partition("?")[0])
        assert (head.status, head.body) == (200, b"")
        assert (head.headers["etag"], head.headers["content-disposition"]) == (f'"{digest}"', name)
        known = app.send("GET", "/backup", extra=(("If-None-Match", f'"{digest}"'),))
        assert (known.status, known.body) == (304, b"")

    def test_lists_newest_first(self, app: App) -> None:
        files = [backup_file() for _ in range(3)]
        ids = [app.back_up(file).json["id"] for file in files]
        found = app.send("GET", "/backups").json["backups"]
        assert [each["id"] for each in found][:3] == ids[::-1]
        assert set(found[0]) == {"id", "size", "sha256", "createTime"}
        assert isinstance(found[0]["size"], int)
        assert all(a["createTime"] > b["createTime"] for a, b in pairwise(found))
        assert app.send("GET", f"/backups/{ids[0]}").body == files[0]

    def test_adds_no_entry_for_the_newest_bytes_again(self, app: App) -> None:
        file, other = backup_file(), backup_file()
        first = app.back_up(file).json
        assert app.back_up(file).json == first
        app.back_up(other)
        again = app.back_up(file).json
        assert (again["sha256"], again["id"] != first["id"]) == (first["sha256"], True)
        assert app.send("GET", "/backup").body == file

    def test_deletes(self, app: App) -> None:
        id_ = app.back_up(backup_file()).json["id"]
        assert app.send("DELETE", f"/backups/{id_}").json == {}
        assert app.send("GET", f"/backups/{id_}").status == 404
        assert app.send("DELETE", f"/backups/{id_}").status == 404

    @pytest.mark.parametrize(
        "body", [b"", b"\x1f", b"no gzip", b"PK\x03\x04", b'{"a": 1}'], ids=repr
    )
    def test_refuses_what_is_no_gzip(self, app: App, body: bytes) -> None:
        before = app.send("GET", "/backups").json
        assert app.back_up(body).status == 400
        assert app.send("GET", "/backups").json == before

    @pytest.mark.parametrize(
        "name", ["../default", "..%2F..%2Fetc%2Fpasswd", "%2e%2e%2e", "0", "default"]
    )
    def test_refuses_names_that_are_no_ids(self, app: App, name: str) -> None:
        for verb in ("GET", "HEAD", "DELETE"):
            assert app.send(verb, f"/backups/{name}").status in {400, 404, 405}

    def test_refuses_a_larger_length_at_once(self, app: App) -> None:
        length = (("Content-Length", str(65 * 1024 * 1024)),)
        # The body does not follow.
        assert app.send("POST", "/backup", extra=length).status == 413


class TestPlanner:
    @pytest.mark.parametrize("headers", [[KEY], [BASIC, KEY]], ids=["key", "basic and key"])
    @pytest.mark.parametrize("hub", ["/ai-chat", "/ai-chat-v2", "/v2/ai-chat-v2"])
    def test_accepts_the_shared_key(
        self, household: Stack, headers: list[tuple[str, str]], hub: str
    ) -> None:
        app = App(household.url, headers)
        quota = app.send("GET", "/ai/quota")
        assert (quota.status, quota.json["limit"]) == (200, 100)
        assert app.send("POST", f"{hub}/negotiate?negotiateVersion=1").status == 200

    @pytest.mark.parametrize("headers", [[], [BASIC], [("X-API-Key", "wrong")]], ids=str)
    def test_refuses_others(self, household: Stack, headers: list[tuple[str, str]]) -> None:
        app = App(household.url, headers)
        assert app.send("GET", "/ai/quota").status == 401
        assert app.send("POST", "/ai-chat-v2/negotiate?negotiateVersion=1").status == 401


class TestSwitches:
    def test_refuses_the_calls_of_features_that_are_off(
        self, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        with running_stack(
            tmp_path_factory.mktemp("off"),
            API_KEY=SHARED_KEY,
            FEED_ENABLED="false",
            AI_PLANNER_ENABLED="false",
            BACKUP_ENABLED="false",
        ) as stack:
            app = App(stack.url, [KEY])
            assert app.test() == ""
            assert app.send("GET", "/features").json == {
                "feed": False,
                "sharing": True,
                "aiPlanner": False,
                "backup": False,
            }
            assert app.test(backup=True) == "no backups"
            # Users stay as long as sharing does.
            ada = app.create_user()
            assert ada.share().status == 200
            probe = (("X-LiftLog-Probe", "1"),)
            for reply in (
                ada.read_inbox(),
                app.back_up(backup_file()),
                app.send("POST", "/backup", b"", extra=probe),
                app.send("GET", "/backups"),
                app.send("GET", "/ai/quota"),
            ):
                assert (reply.status, reply.reason) == (423, "FEATURE_DISABLED")
            assert app.send("POST", "/ai-chat-v2/negotiate?negotiateVersion=1").status == 423
