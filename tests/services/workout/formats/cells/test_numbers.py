"""Numbers with decimal commas and separators of thousands."""

import pytest

from server.services.workout.formats.cells.numbers import NotANumber, Numbers


def number(text: str, *others: str, delimiter: str = ",") -> float | None:
    value = Numbers((text, *others), delimiter)[text]
    return None if value is None else float(value)


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            *(("82.5", 82.5), ("82,5", 82.5), ("5", 5), ("5.0", 5), ("-20,0", -20), ("+5", 5)),
            *(("1.234,5", 1234.5), ("1,234.5", 1234.5), ("1 234,5", 1234.5), ("1'234.5", 1234.5)),
            *(("1\u00a0234,5", 1234.5), ("1\u202f234,5", 1234.5), ("1.234.567", 1234567)),
            *(("٨٢٫٥", 82.5), ("١٬٢٣٤٫٥", 1234.5), ("−5", -5), ("1e3", 1000), ("5e-1", 0.5)),
            *(("0.125", 0.125), ("0,125", 0.125), ("1234.567", 1234.567), (".5", 0.5), ("5.", 5)),
            *(("45.359237000000004", 45.359), ("0.45999999999999996", 0.46), ("102.0005", 102.001)),
        ],
    )
    def test_are_read(self, text: str, value: float) -> None:
        assert number(text) == value

    @pytest.mark.parametrize("text", ["", "  "])
    def test_are_none_if_empty(self, text: str) -> None:
        assert number(text) is None

    @pytest.mark.parametrize(
        "text", ["x", "5 x", "1,2,3", "12,34,567", "1:30", "--5", "1.2.3,4", "9" * 41, "e5", "nan"]
    )
    def test_reject_other_text(self, text: str) -> None:
        with pytest.raises(NotANumber):
            number(text)

    @pytest.mark.parametrize(
        ("text", "others", "delimiter", "value"),
        [
            ("1,234", ["82,5"], ",", 1.234),
            ("1,234", ["82.5"], ",", 1234),
            ("1,234", [], ",", 1234),
            ("1,234", [], ";", 1.234),
            ("1.234", ["82,5"], ";", 1234),
            ("1.234", ["82.5"], ";", 1.234),
            ("1.234", [], ",", 1.234),
            ("1.234", [], ";", 1.234),
            ("-1,234", ["-82.5"], ",", -1234),
            ("1,234", ["9.876,5"], ",", 1.234),
            ("1,234", ["set 1,5"], ",", 1234),
        ],
    )
    def test_are_settled_by_the_file(
        self, text: str, others: list[str], delimiter: str, value: float
    ) -> None:
        assert number(text, *others, delimiter=delimiter) == value
