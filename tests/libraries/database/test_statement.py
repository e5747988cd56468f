"""The arguments of statements."""

from datetime import timedelta

import pytest
from sqlalchemy import bindparam, column, literal, select, table

from server.libraries.database.statement import Statement

people = table("people", column("name"), column("age"))


class TestArguments:
    def test_have_order_of_placeholders(self) -> None:
        statement = Statement(
            select(bindparam("third").label("x"))
            .select_from(people)
            .where(people.c.name == bindparam("first"), people.c.age > bindparam("second"))
        )
        assert statement.arguments({"first": 1, "second": 2, "third": 3}) == [3, 1, 2]
        assert statement.sql.index("$1") < statement.sql.index("$2") < statement.sql.index("$3")

    def test_include_constants(self) -> None:
        hour = timedelta(hours=1)
        statement = Statement(select(bindparam("mine"), literal(hour)))
        assert sorted(statement.arguments({"mine": hour}), key=str) == [hour, hour]
        assert statement.arguments({"mine": None}) == [None, hour]

    def test_repeat_name_that_is_used_twice(self) -> None:
        statement = Statement(
            select(people.c.name).where(
                (people.c.name == bindparam("name")) | (people.c.age == bindparam("name"))
            )
        )
        assert set(statement.arguments({"name": "ann"})) == {"ann"}

    def test_reject_missing_parameter(self) -> None:
        statement = Statement(select(people.c.name).where(people.c.age > bindparam("age")))
        with pytest.raises(KeyError, match="age"):
            statement.arguments({})
