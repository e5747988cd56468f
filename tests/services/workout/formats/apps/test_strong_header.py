"""Strong's headers in other languages."""

import pytest

from server.services.workout.formats.model import Format, UnreadableFile
from server.services.workout.model import Exercise, Set
from tests.services.workout.formats.reading import kg, lb, read

FRENCH = (
    "Date;Nom de l'entraînement;Durée;Nom de l'exercice;Ordre;Poids;Rép.;Distance;Secondes;"
    "Notes;Notes d'entraînement;RPE\n"
    '2023-02-01 18:00:00;"Haut";1h 5m;"Pompes";1;0;12;0;0;"lent";"bien";8\n'
    '2023-02-01 18:00:00;"Haut";1h 5m;"Développé couché";W;"62,5";5;0;0;"";"";\n'
)


class TestTranslated:
    def test_recognises_layout_of_unknown_language(self) -> None:
        file = read(FRENCH, unit="kg")
        assert (file.format, file.problems, file.columns_not_read) == (Format.STRONG, [], [])
        [found] = file.workouts
        assert (found.workout.type, found.workout.duration) == ("Haut", 65)
        assert found.workout.notes == "bien"
        assert found.workout.exercises == (
            Exercise("Pompes", "lent", sets=(Set(reps=12, rpe=8.0),)),
            Exercise("Développé couché", sets=(kg(62.5, 5)._replace(kind="warmup"),)),
        )

    @pytest.mark.parametrize(
        ("header", "row"),
        [
            ("a;b;c;d;e;f;g;h;i;j", "2018-11-02 17:03;Push;Bench;1;135;5;0;0;;"),
            ("a;b;c;d;e;f;g;h;i;j;k", "2018-11-02 17:03;Push;Bench;1;135;5;;0;0;;"),
            ("a;b;c;d;e;f;g;h;i;j;k", "2018-11-02 17:03;Push;1h;Bench;1;135;5;0;0;;"),
            ("a;b;c;d;e;f;g;h;i;j;k;l", "2018-11-02 17:03;Push;Bench;1;135;5;8;0;0;;;1h"),
            ("a;b;c;d;e;f;g;h;i;j;k;l;m", "2018-11-02 17:03;Push;Bench;1;135;lbs;5;8;;;0;;"),
            ("a;b;c;d;e;f;g;h;i;j;k;l;m", "1;2018-11-02 17:03;Push;3600;Bench;1;135;5;8;0;0;;"),
            ("a;b;c;d;e;f;g;h;i;j;k;l;m;n", "2018-11-02 17:03;Push;Bench;1;135;lbs;5;8;;;0;;;1h"),
            ("a;b;c;d;e;f;g;h;i;j;k;l;m;n", "2018-11-02 17:03;Push;1h;Bench;1;135;lbs;5;8;;;0;;"),
        ],
    )
    def test_recognises_all_layouts(self, header: str, row: str) -> None:
        [found] = read(f"{header}\n{row}\n", unit="lb").workouts
        [exercise] = found.workout.exercises
        assert (found.workout.type, exercise.name) == ("Push", "Bench")
        assert exercise.sets[0]._replace(rpe=None) == lb(135, 5)

    @pytest.mark.parametrize("title", ["Poids (lbs)", "lbs", "Poids (LB)"])
    def test_reads_unit_in_title(self, title: str) -> None:
        [found] = read(FRENCH.replace("Poids", title)).workouts
        assert found.workout.exercises[1].sets[0].weight_unit == "lb"

    @pytest.mark.parametrize(
        "text",
        [
            "a;b;c;d;e;f;g;h;i;j\n",
            "a;b;c;d;e;f;g;h;i;j\n2018-11-02;Push;Bench;1;heavy;5;0;0;;\n",
            "a;b;c;d;e;f;g;h;i;j\nsoon;Push;Bench;1;135;5;0;0;;\n",
            "a;b;c;d;e;f;g;h;i;j\n2018-11-02 17:03;Push;Bench;W;135;5;0;0;;\n",
            "a;b\n2018-11-02 17:03;Push\n",
        ],
    )
    def test_rejects_other_tables(self, text: str) -> None:
        with pytest.raises(UnreadableFile, match="matches no known format"):
            read(text)
