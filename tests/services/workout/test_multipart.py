"""The first file of a form, for any division into chunks."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.services.workout.formats.model import UnreadableFile
from server.services.workout.multipart import body_of

CONTENT_TYPE = 'multipart/form-data; boundary="frontier 7"'


def part(name: str, data: bytes, filename: str | None = None) -> bytes:
    end = "" if filename is None else f'; filename="{filename}"'
    header = f'Content-Disposition: form-data; name="{name}"{end}\r\nContent-Type: text/csv\r\n\r\n'
    return b"--frontier 7\r\n" + header.encode() + data + b"\r\n"


END = b"--frontier 7--\r\n"


def file_in(body: bytes, cuts: list[int], content_type: str = CONTENT_TYPE) -> bytes:
    """Return the file in a body that arrives in chunks."""
    reader = body_of(content_type)
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    pairs = pairwise(places)
    file = b"".join(reader.feed(body[start:end]) for start, end in pairs)
    reader.finish()
    return file


class TestBodyOf:
    @given(st.binary(), st.lists(st.integers(0, 2000), max_size=20))
    def test_returns_file_exactly(self, data: bytes, cuts: list[int]) -> None:
        if b"\r\n--frontier 7" not in b"\r\n" + data:
            body = part("note", b"hello") + part("file", data, "workouts.csv") + END
            assert file_in(body, cuts) == data

    @given(st.binary(), st.lists(st.integers(0, 2000), max_size=20))
    def test_returns_other_bodies_unchanged(self, data: bytes, cuts: list[int]) -> None:
        for kind in ("", "text/csv", "application/x-www-form-urlencoded", "multipart/mixed"):
            assert file_in(data, cuts, kind) == data

    def test_reads_first_of_several_files(self) -> None:
        body = part("a", b"first", "a.csv") + part("b", b"second", "b.csv") + END
        assert file_in(body, []) == b"first"

    def test_accepts_file_without_name(self) -> None:
        assert file_in(part("a", b"first", "") + END, []) == b"first"

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            (part("note", b"hello") + END, "has no file"),
            (END, "has no file"),
            (b"", "has no file"),
            (part("file", b"data", "a.csv"), "has no end"),
            (b"date,type,duration\r\n", "cannot be read"),
        ],
    )
    def test_rejects_form_without_a_whole_file(self, body: bytes, problem: str) -> None:
        with pytest.raises(UnreadableFile, match=problem):
            file_in(body, [])

    def test_rejects_more_than_100_parts(self) -> None:
        file = part("file", b"data", "a.csv")
        assert file_in(part("note", b"") * 99 + file + END, []) == b"data"
        with pytest.raises(UnreadableFile, match="more than 100 parts"):
            file_in(part("note", b"") * 100 + file + END, [])

    def test_requires_boundary(self) -> None:
        with pytest.raises(UnreadableFile, match="boundary"):
            body_of("multipart/form-data")

    def test_rejects_long_content_type(self) -> None:
        with pytest.raises(UnreadableFile, match="content type is too long"):
            body_of("multipart/form-data" + ";a" * 2_000_000)

    @given(st.binary(max_size=300), st.text(max_size=80))
    def test_raises_nothing_else(self, body: bytes, content_type: str) -> None:
        for kind in (CONTENT_TYPE, f"multipart/form-data; boundary={content_type}", content_type):
            try:
                file_in(body, [7, 40], kind)
            except UnreadableFile:
                continue
