"""The commands of `gymlocker workouts`."""

from server.programs.cli.workouts import ImportFormat
from server.services.workout.formats.model import Format


class TestImportFormat:
    def test_offers_every_format_of_server(self) -> None:
        assert {each.value for each in ImportFormat} == {each.value for each in Format}
