"""GetFeatures, and the switches that turn features off."""

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
from server.programs.local.temporary_postgres import TemporaryPostgres
from server.programs.worker.contract import contract_methods
from server.programs.worker.features import offered_features
from tests.contract.openapi.descriptions import operations
from tests.support.client import Client
from tests.support.stack import Stack, running_stack
from tests.support.streams import answered

ALL = {"feed": True, "sharing": True, "aiPlanner": True, "backup": True}
PATHS = ("/features", "/v2/features")
FEED, SHARING, PLANNER = "FEED_ENABLED", "SHARING_ENABLED", "AI_PLANNER_ENABLED"
# Services that are disabled by each set of switches.
REFUSED: list[tuple[tuple[str, ...], set[str]]] = [
    ((), set()),
    ((FEED,), {"EventService", "FollowService", "InboxService", "PushService"}),
    ((SHARING,), {"ShareService"}),
    ((PLANNER,), {"AiService"}),
    (("BACKUP_ENABLED",), {"BackupService"}),
    (
        (FEED, SHARING),
        {
            "EventService",
            "FollowService",
            "InboxService",
            "PushService",
            "ShareService",
            "UserService",
        },
    ),
]


@pytest.fixture(scope="module")
def bare_stack(
    postgres: TemporaryPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Yield a stack with every feature disabled."""
    with running_stack(
        tmp_path_factory.mktemp("bare-stack"),
        DATABASE_URL=postgres.url("gymlocker"),
        FEED_ENABLED="false",
        SHARING_ENABLED="false",
        AI_PLANNER_ENABLED="false",
        BACKUP_ENABLED="false",
    ) as stack:
        yield stack


class TestGetFeatures:
    async def test_returns_offered_features(self, client: Client) -> None:
        response = await client.system.GetFeatures(system_pb2.GetFeaturesRequest())
        assert response == system_pb2.GetFeaturesResponse(
            feed=True, sharing=True, ai_planner=True, backup=True
        )

    @pytest.mark.parametrize("path", PATHS)
    async def test_returns_exactly_the_fields_of_the_app(
        self, rest: httpx2.AsyncClient, path: str
    ) -> None:
        response = await rest.get(
            path, headers={"x-api-key": "anything", "authorization": "Basic x"}
        )
        assert (response.status_code, response.json()) == (200, ALL)
        assert response.headers["content-type"] == "application/json"

    @pytest.mark.parametrize("path", PATHS)
    async def test_head_has_no_body(self, rest: httpx2.AsyncClient, path: str) -> None:
        response = await rest.head(path)
        assert (response.status_code, response.content) == (200, b"")


class TestSwitches:
    @pytest.mark.parametrize(("off", "refused"), REFUSED, ids=lambda value: "+".join(sorted(value)))
    def test_disable_only_their_own_services(self, off: tuple[str, ...], refused: set[str]) -> None:
        switches: dict[str, Any] = {name.lower(): False for name in off}
        methods = contract_methods()
        offered = offered_features(FeatureSettings(**switches), methods.values(), has_backups=True)
        interceptor = FeatureInterceptor(methods, offered, {})

        async def call_next(request: Any, context: Any) -> None:
            raise NotImplementedError

        found = {
            path.split("/")[1].removeprefix("gymlocker.v2.")
            for path, method in methods.items()
            # The interceptor leaves enabled methods unwrapped.
            if interceptor.wrap(method, call_next) is not call_next
        }
        assert found == refused


class TestDisabledFeatures:
    async def test_get_features_lists_none(self, bare_stack: Stack) -> None:
        async with httpx2.AsyncClient(base_url=bare_stack.url, timeout=30) as rest:
            for path in PATHS:
                assert (await rest.get(path)).json() == dict.fromkeys(ALL, False)
            assert (await rest.get("/health")).status_code == 200
            # Accounts and workouts have no switch.
            assert (await rest.get("/workouts")).status_code == 401

    async def test_every_path_is_423(self, bare_stack: Stack) -> None:
        tags = {"AiService", *REFUSED[-1][1]}
        paths = [(verb, path) for path, verb, each in operations() if each["tags"][0] in tags]
        assert len(paths) > 30
        async with httpx2.AsyncClient(base_url=bare_stack.url, timeout=30) as rest:
            for verb, path in paths:
                # Without credentials or a valid body: the switch is checked first.
                response = await rest.request(verb, path, content=b"{}" if verb != "get" else None)
                assert response.status_code == 423, path
                assert response.json()["details"][0]["reason"] == "FEATURE_DISABLED", path
                assert "_ENABLED" in response.json()["message"]

    async def test_every_method_is_failed_precondition(self, bare_stack: Stack) -> None:
        async with grpc.aio.insecure_channel(bare_stack.address) as channel:
            for path in (path for path, method in contract_methods().items() if method.features):
                method = channel.stream_stream(
                    path,
                    request_serializer=Empty.SerializeToString,
                    response_deserializer=Empty.FromString,
                )
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await answered(partial(_first_response, method))
                assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
                details = dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"]
                info = ErrorInfo()
                assert isinstance(details, bytes)
                assert Status.FromString(details).details[0].Unpack(info)
                assert info.reason == "FEATURE_DISABLED"

    async def test_every_hub_is_423(self, bare_stack: Stack) -> None:
        async with httpx2.AsyncClient(base_url=bare_stack.url, timeout=30) as rest:
            for hub in ("/ai-chat", "/ai-chat-v2", "/v2/ai-chat", "/v2/ai-chat-v2"):
                response = await rest.post(f"{hub}/negotiate?negotiateVersion=1")
                assert response.status_code == 423
                assert json.loads(response.content)["details"][0]["reason"] == "FEATURE_DISABLED"


async def _first_response(method: Any) -> Any:
    return await method(iter([Empty()])).read()
