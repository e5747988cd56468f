"""The options of the commands for the training log."""

from server.programs.cli.training_options import ImportFormat
from server.services.workout.formats.model import Format


class TestImportFormat:
    def test_offers_every_format_of_server(self) -> None:
        assert {each.value for each in ImportFormat} == {each.value for each in Format}
