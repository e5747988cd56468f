"""What is said beside a file that is imported: its format, and lengths that it does not tell."""

import httpx2
import pytest
from google.api.httpbody_pb2 import HttpBody
from grpc import StatusCode, aio

from tests.services.workout.diary import Diary, blamed
from tests.services.workout.files.contents import STRONG, csv_of
from tests.services.workout.files.ways import Files, GrpcFiles, Request, Response
from tests.support.client import refused
from tests.support.rest import error_of


@pytest.mark.parametrize(("default", "minutes"), [(0, 60), (1, 1), (10_080, 10_080)])
async def test_a_length_that_the_file_does_not_tell_is_assumed(
    diary: Diary, files: Files, default: int, minutes: int
) -> None:
    reply = await files.load(diary.credentials, STRONG, default_duration=default)
    assert reply == Response(format="strong", added=1, assumed_durations=1)
    (read,) = await diary.all()
    assert (read.type, read.duration) == ("Legs", minutes)


@pytest.mark.parametrize("wrong", [-1, 10_081])
async def test_a_length_beyond_the_limits_is_not_assumed(
    diary: Diary, files: Files, wrong: int
) -> None:
    with blamed("default_duration"):
        await files.load(diary.credentials, STRONG, default_duration=wrong)
    assert await diary.all() == []


async def test_a_file_is_taken_for_what_it_is_said_to_be(diary: Diary, files: Files) -> None:
    assert (await files.load(diary.credentials, STRONG, format="strong")).added == 1
    for format_ in ("hevy", "fitnotes", "gymlocker"):
        with refused(StatusCode.INVALID_ARGUMENT, "file"):
            await files.load(diary.credentials, STRONG, format=format_)
    for format_ in ("csv", "STRONG", "xml"):
        with blamed("format"):
            await files.load(diary.credentials, STRONG, format=format_)


async def test_options_count_in_the_first_message_alone(diary: Diary, channel: aio.Channel) -> None:
    files = GrpcFiles(channel)
    data = csv_of("2026-02-07,Run,30,", "2026-02-08,Run,0,")
    file = Request(file=HttpBody(data=data))
    for options in (Request(dry_run=True), Request(all_or_nothing=True), Request(format="hevy")):
        first, later = [options, file], [file, options]
        if options.format:
            with refused(StatusCode.INVALID_ARGUMENT, "file"):
                await files.send(diary.credentials, first)
        else:
            await files.send(diary.credentials, first)
        assert await diary.all() == []
        assert (await files.send(diary.credentials, later)).added == 1
        await diary.delete((await diary.all())[0].id)


async def test_no_message_at_all_is_no_file(diary: Diary, channel: aio.Channel) -> None:
    with refused(StatusCode.INVALID_ARGUMENT):
        await GrpcFiles(channel).send(diary.credentials, [])
    for messages in ([Request()], [Request(dry_run=True), Request()]):
        with refused(StatusCode.INVALID_ARGUMENT, "file"):
            await GrpcFiles(channel).send(diary.credentials, messages)


async def test_whatever_bytes_are_sent_are_answered_in_form(
    diary: Diary, rest: httpx2.AsyncClient
) -> None:
    rest.headers.update(dict(diary.credentials))
    for query in ({"dry_run": "perhaps"}, {"default_duration": "1h"}, {"format": "%00"}):
        error_of(await rest.post("/workouts/import", params=query, content=STRONG), 400)
    for content_type in ("application/json", "text/plain", "application/octet-stream", ""):
        headers = {"content-type": content_type}
        response = await rest.post("/workouts/import", content=b'{"a": 1}', headers=headers)
        assert error_of(response, 400)["details"][1]["fieldViolations"][0]["field"] == "file"
