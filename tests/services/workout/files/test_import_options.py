"""ImportWorkouts: the options beside the file."""

import httpx2
import pytest
from google.api.httpbody_pb2 import HttpBody
from grpc import StatusCode, aio

from tests.services.workout.diary import Diary, violates
from tests.services.workout.files.contents import STRONG, csv_of
from tests.services.workout.files.transports import Files, GrpcFiles, Request, Response
from tests.support.client import refused
from tests.support.rest import error_of


class TestDefaultDuration:
    @pytest.mark.parametrize(("default", "minutes"), [(0, 60), (1, 1), (10_080, 10_080)])
    async def test_applies_to_workouts_without_duration(
        self, diary: Diary, files: Files, default: int, minutes: int
    ) -> None:
        response = await files.load(diary.credentials, STRONG, default_duration=default)
        assert len(response.warnings) == 2
        response.ClearField("warnings")
        assert response == Response(format="strong", added=1, assumed_durations=1)
        (read,) = await diary.all()
        assert (read.type, read.duration) == ("Legs", minutes)

    @pytest.mark.parametrize("wrong", [-1, 10_081])
    async def test_rejects_value_beyond_limits(
        self, diary: Diary, files: Files, wrong: int
    ) -> None:
        with violates("default_duration"):
            await files.load(diary.credentials, STRONG, default_duration=wrong)
        assert await diary.all() == []


class TestFormat:
    async def test_rejects_file_of_another_format(self, diary: Diary, files: Files) -> None:
        assert (await files.load(diary.credentials, STRONG, format="strong")).added == 1
        for format_ in ("hevy", "fitnotes", "gymlocker"):
            with refused(StatusCode.INVALID_ARGUMENT, "file"):
                await files.load(diary.credentials, STRONG, format=format_)
        for format_ in ("csv", "STRONG", "xml"):
            with violates("format"):
                await files.load(diary.credentials, STRONG, format=format_)


class TestMessages:
    async def test_options_apply_in_first_message_only(
        self, diary: Diary, channel: aio.Channel
    ) -> None:
        files = GrpcFiles(channel)
        data = csv_of("2026-02-07,Run,30,", "2026-02-08,Run,0,")
        file = Request(file=HttpBody(data=data))
        for options in (
            Request(dry_run=True),
            Request(all_or_nothing=True),
            Request(format="hevy"),
        ):
            first, later = [options, file], [file, options]
            if options.format:
                with refused(StatusCode.INVALID_ARGUMENT, "file"):
                    await files.send(diary.credentials, first)
            else:
                await files.send(diary.credentials, first)
            assert await diary.all() == []
            assert (await files.send(diary.credentials, later)).added == 1
            await diary.delete((await diary.all())[0].id)

    async def test_rejects_stream_without_file(self, diary: Diary, channel: aio.Channel) -> None:
        with refused(StatusCode.INVALID_ARGUMENT):
            await GrpcFiles(channel).send(diary.credentials, [])
        for messages in ([Request()], [Request(dry_run=True), Request()]):
            with refused(StatusCode.INVALID_ARGUMENT, "file"):
                await GrpcFiles(channel).send(diary.credentials, messages)

    async def test_rejects_invalid_options_and_bodies(
        self, diary: Diary, rest: httpx2.AsyncClient
    ) -> None:
        rest.headers.update(dict(diary.credentials))
        for query in ({"dry_run": "perhaps"}, {"default_duration": "1h"}, {"format": "%00"}):
            error_of(await rest.post("/workouts/import", params=query, content=STRONG), 400)
        for content_type in ("application/json", "text/plain", "application/octet-stream", ""):
            headers = {"content-type": content_type}
            response = await rest.post("/workouts/import", content=b'{"a": 1}', headers=headers)
            assert error_of(response, 400)["details"][1]["fieldViolations"][0]["field"] == "file"
