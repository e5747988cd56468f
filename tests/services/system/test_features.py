"""What a server says that it offers, and the switches that switch it off."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import grpc
import httpx2
import pytest
from google.protobuf.empty_pb2 import Empty
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from gymlocker.v2 import system_pb2

from server.libraries.rpc.feature_switches import FeatureInterceptor
from server.libraries.settings import FeatureSettings
from server.programs.local.temporary_postgres import ThrowawayPostgres
from server.programs.worker.contract import contract_methods
from server.programs.worker.features import offered_features
from tests.contract.openapi.descriptions import operations
from tests.support.client import Client
from tests.support.stack import Stack, running_stack
from tests.support.streams import answered

ALL = {"feed": True, "sharing": True, "aiPlanner": True, "backup": False}
PATHS = ("/features", "/v2/features")
FEED, SHARING, PLANNER = "FEED_ENABLED", "SHARING_ENABLED", "AI_PLANNER_ENABLED"
# Services whose methods are refused, by the switches that are off.
REFUSED: list[tuple[tuple[str, ...], set[str]]] = [
    ((), set()),
    ((FEED,), {"EventService", "FollowService", "InboxService"}),
    ((SHARING,), {"ShareService"}),
    ((PLANNER,), {"AiService"}),
    (("BACKUP_ENABLED",), set()),
    (
        (FEED, SHARING),
        {"EventService", "FollowService", "InboxService", "ShareService", "UserService"},
    ),
]


class TestGetFeatures:
    async def test_lists_what_is_there(self, client: Client) -> None:
        reply = await client.system.GetFeatures(system_pb2.GetFeaturesRequest())
        assert reply == system_pb2.GetFeaturesResponse(feed=True, sharing=True, ai_planner=True)

    @pytest.mark.parametrize("path", PATHS)
    async def test_is_exactly_what_the_app_reads(self, rest: httpx2.AsyncClient, path: str) -> None:
        reply = await rest.get(path, headers={"x-api-key": "anything", "authorization": "Basic x"})
        assert (reply.status_code, reply.json()) == (200, ALL)
        assert reply.headers["content-type"] == "application/json"

    @pytest.mark.parametrize("path", PATHS)
    async def test_head_has_no_body(self, rest: httpx2.AsyncClient, path: str) -> None:
        reply = await rest.head(path)
        assert (reply.status_code, reply.content) == (200, b"")


@pytest.mark.parametrize(("off", "refused"), REFUSED, ids=lambda value: "+".join(sorted(value)))
def test_each_switch_refuses_its_own_services(off: tuple[str, ...], refused: set[str]) -> None:
    switches: dict[str, Any] = {name.lower(): False for name in off}
    methods = contract_methods()
    offered = offered_features(FeatureSettings(**switches), methods.values())
    interceptor = FeatureInterceptor(methods, offered)

    async def call_next(request: Any, context: Any) -> None:
        raise NotImplementedError

    found = {
        path.split("/")[1].removeprefix("gymlocker.v2.")
        for path, method in methods.items()
        # Nothing is in the way of what is on.
        if interceptor.wrap(method, call_next) is not call_next
    }
    assert found == refused


@pytest.fixture(scope="module")
def bare_stack(
    postgres: ThrowawayPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A house where everything is off that can be."""
    with running_stack(
        tmp_path_factory.mktemp("bare-house"),
        DATABASE_URL=postgres.url("gymlocker"),
        FEED_ENABLED="false",
        SHARING_ENABLED="false",
        AI_PLANNER_ENABLED="false",
        BACKUP_ENABLED="false",
    ) as stack:
        yield stack


async def test_a_server_without_features_says_so(bare_stack: Stack) -> None:
    async with httpx2.AsyncClient(base_url=bare_stack.url, timeout=30) as rest:
        for path in PATHS:
            assert (await rest.get(path)).json() == dict.fromkeys(ALL, False)
        assert (await rest.get("/health")).status_code == 200
        # Accounts and workouts have no switch.
        assert (await rest.get("/workouts")).status_code == 401


async def test_all_paths_of_what_is_off_are_locked(bare_stack: Stack) -> None:
    tags = {"AiService", *REFUSED[-1][1]}
    paths = [(verb, path) for path, verb, each in operations() if each["tags"][0] in tags]
    assert len(paths) > 30
    async with httpx2.AsyncClient(base_url=bare_stack.url, timeout=30) as rest:
        for verb, path in paths:
            # Neither valid nor with credentials: the switch comes first.
            reply = await rest.request(verb, path, content=b"{}" if verb != "get" else None)
            assert reply.status_code == 423, path
            assert reply.json()["details"][0]["reason"] == "FEATURE_DISABLED", path
            assert "_ENABLED" in reply.json()["message"]


async def test_all_methods_of_what_is_off_are_refused(bare_stack: Stack) -> None:
    async with grpc.aio.insecure_channel(bare_stack.address) as channel:
        for path in (path for path, method in contract_methods().items() if method.features):
            method = channel.stream_stream(
                path,
                request_serializer=Empty.SerializeToString,
                response_deserializer=Empty.FromString,
            )
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await answered(partial(_first_reply, method))
            assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
            details = dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"]
            info = ErrorInfo()
            assert isinstance(details, bytes)
            assert Status.FromString(details).details[0].Unpack(info)
            assert info.reason == "FEATURE_DISABLED"


async def test_hubs_of_what_is_off_are_locked(bare_stack: Stack) -> None:
    async with httpx2.AsyncClient(base_url=bare_stack.url, timeout=30) as rest:
        for hub in ("/ai-chat", "/ai-chat-v2", "/v2/ai-chat", "/v2/ai-chat-v2"):
            reply = await rest.post(f"{hub}/negotiate?negotiateVersion=1")
            assert reply.status_code == 423
            assert json.loads(reply.content)["details"][0]["reason"] == "FEATURE_DISABLED"


async def _first_reply(method: Any) -> Any:
    return await method(iter([Empty()])).read()
