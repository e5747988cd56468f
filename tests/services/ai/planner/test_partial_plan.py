"""A plan grows from nothing to all of it, and what has come stays."""

import json
from typing import Any

import pytest
from google.protobuf.message import Message
from gymlocker.v2 import plan_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.services.ai.planner.json_schema import data_of
from server.services.ai.planner.parser import plan_of
from server.services.ai.planner.partial_plan import growing_plan_of, partial_data
from tests.services.ai.planner.plans import PLAN, RUN, plans


def _grown(text: str) -> plan_pb2.Plan:
    return growing_plan_of(partial_data(text))


def _contains(larger: Message, smaller: Message, *, texts_grow: bool) -> bool:
    """Whether everything of `smaller` is in `larger`: as it was, but for texts that go on."""
    for field, value in smaller.ListFields():
        other: Any = getattr(larger, field.name)
        if field.is_repeated:
            if len(other) < len(value) or not all(
                _contains(more, less, texts_grow=texts_grow)
                for more, less in zip(other, value, strict=False)
            ):
                return False
        elif isinstance(value, Message):
            if not larger.HasField(field.name) or not _contains(
                other, value, texts_grow=texts_grow
            ):
                return False
        elif isinstance(value, str) and texts_grow:
            if not other.startswith(value):
                return False
        elif other != value:
            return False
    return True


def _require_growth(text: str) -> None:
    before = plan_pb2.Plan()
    for length in range(len(text) + 1):
        plan = _grown(text[:length])
        assert _contains(plan, before, texts_grow=True), text[:length]
        before = plan


@pytest.mark.parametrize(("ascii_", "indent"), [(True, None), (False, 1)])
def test_a_plan_only_grows(ascii_: bool, indent: int | None) -> None:
    text = json.dumps(PLAN, ensure_ascii=ascii_, indent=indent)
    _require_growth(text)
    assert _grown(text) == plan_of(PLAN)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans, st.booleans())
def test_any_plan_only_grows(plan: plan_pb2.Plan, ascii_: bool) -> None:
    text = json.dumps(data_of(plan), ensure_ascii=ascii_)
    # All prefixes of a large one take long; its end is like its beginning.
    _require_growth(text[:800])
    assert _grown(text) == plan


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='{}[]",:0123456789truefalsn \\u"names'), st.integers(0, 600))
def test_nothing_makes_it_fail(noise: str, length: int) -> None:
    text = json.dumps(PLAN)
    _grown(noise)
    _grown(text[:length] + noise)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "sessions", "exercises", "weighted", "cardio", "sets"]), inner
        )
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(json_values)
def test_no_data_makes_it_fail(data: object) -> None:
    growing_plan_of(data)
    text = json.dumps(data)
    for length in range(len(text)):
        _grown(text[:length])


def test_names_grow_and_sets_come_whole() -> None:
    exercise = '{"name":"P","sessions":[{"name":"A","notes":"","exercises":[{"weighted":{"name":"Sq'
    assert _grown(exercise).sessions[0].exercises[0].weighted.name == "Sq"
    sets = exercise + 'uat","planned_sets":[{"min_reps":8,"max_reps":1'
    assert not _grown(sets).sessions[0].exercises[0].weighted.planned_sets
    (planned,) = _grown(sets + "2}").sessions[0].exercises[0].weighted.planned_sets
    assert (planned.min_reps, planned.max_reps) == (8, 12)


def test_a_decimal_comes_whole() -> None:
    start = (
        '{"name":"P","sessions":[{"name":"A","exercises":[{"weighted":{"name":"Squat",'
        '"progression":[{"axis":"AXIS_LOAD","scope":"SCOPE_ALL_SETS","ceiling":null,'
        '"reset_on_ceiling":false,"step":"2'
    )
    assert not _grown(start).sessions[0].exercises[0].weighted.progression
    (step,) = _grown(start + '.5"').sessions[0].exercises[0].weighted.progression
    assert step.step == "2.5"


def test_a_target_comes_whole_in_any_order() -> None:
    flags = "".join(f'"{key}":false,' for key in RUN["sets"][0] if key.startswith("track_"))
    start = (
        '{"name":"P","sessions":[{"name":"A","exercises":[{"cardio":{"name":"Run","sets":[{'
        f'{flags}"rest_between_sets":null,"target":{{"distance":{{"unit":"UNIT_MILE","value":"1'
    )
    assert not _grown(start).sessions[0].exercises[0].cardio.sets
    (one,) = _grown(start + '2"').sessions[0].exercises[0].cardio.sets
    assert one.distance.value == "12"


def test_a_link_does_not_grow() -> None:
    text = json.dumps(PLAN).replace('"link": ""', '"link": "https://example.org"')
    assert _grown(text) == plan_of(PLAN)


def test_what_a_plan_cannot_have_is_left_out() -> None:
    data = PLAN | {"name": "x" * 200, "sessions": [PLAN["sessions"][0]] * 30}
    plan = growing_plan_of(data)
    assert (len(plan.name), len(plan.sessions)) == (100, 20)


@pytest.mark.parametrize(
    "text", ["", " ", "nonsense", "[", "5", '"text', "null", '{"a":"\\ud83d"}']
)
def test_what_is_no_plan_is_an_empty_one(text: str) -> None:
    assert _grown(text) == plan_pb2.Plan()
