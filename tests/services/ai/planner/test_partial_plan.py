"""Partial plans grow to the complete plan and never shrink."""

import json
from typing import Any

import pytest
from google.protobuf.message import Message
from gymlocker.v2 import plan_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.services.ai.planner.json_schema import data_of
from server.services.ai.planner.parser import parse_plan
from server.services.ai.planner.partial_plan import parse_partial_json, partial_plan
from tests.services.ai.planner.plans import PLAN, RUN, plans

pytestmark = pytest.mark.extended


def _plan(text: str) -> plan_pb2.Plan:
    return partial_plan(parse_partial_json(text))


def _contains(larger: Message, smaller: Message, *, texts_grow: bool) -> bool:
    """Check whether `larger` contains `smaller`, of which only texts may have grown."""
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
        plan = _plan(text[:length])
        assert _contains(plan, before, texts_grow=True), text[:length]
        before = plan


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


class TestPartialPlan:
    @pytest.mark.parametrize(("ascii_", "indent"), [(True, None), (False, 1)])
    def test_only_grows(self, ascii_: bool, indent: int | None) -> None:
        text = json.dumps(PLAN, ensure_ascii=ascii_, indent=indent)
        _require_growth(text)
        assert _plan(text) == parse_plan(PLAN)

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(plans, st.booleans())
    def test_only_grows_for_any_plan(self, plan: plan_pb2.Plan, ascii_: bool) -> None:
        text = json.dumps(data_of(plan), ensure_ascii=ascii_)
        # All prefixes of a large plan take long, and its end is like its beginning.
        _require_growth(text[:800])
        assert _plan(text) == plan

    @settings(max_examples=150, deadline=None)
    @given(st.text(alphabet='{}[]",:0123456789truefalsn \\u"names'), st.integers(0, 600))
    def test_accepts_any_text(self, noise: str, length: int) -> None:
        text = json.dumps(PLAN)
        _plan(noise)
        _plan(text[:length] + noise)

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(json_values)
    def test_accepts_any_json(self, data: object) -> None:
        partial_plan(data)
        text = json.dumps(data)
        for length in range(len(text)):
            _plan(text[:length])

    def test_grows_names_but_adds_only_complete_sets(self) -> None:
        exercise = (
            '{"name":"P","sessions":[{"name":"A","notes":"","exercises":[{"weighted":{"name":"Sq'
        )
        assert _plan(exercise).sessions[0].exercises[0].weighted.name == "Sq"
        sets = exercise + 'uat","planned_sets":[{"min_reps":8,"max_reps":1'
        assert not _plan(sets).sessions[0].exercises[0].weighted.planned_sets
        (planned,) = _plan(sets + "2}").sessions[0].exercises[0].weighted.planned_sets
        assert (planned.min_reps, planned.max_reps) == (8, 12)

    def test_adds_only_complete_decimals(self) -> None:
        start = (
            '{"name":"P","sessions":[{"name":"A","exercises":[{"weighted":{"name":"Squat",'
            '"progression":[{"axis":"AXIS_LOAD","scope":"SCOPE_ALL_SETS","ceiling":null,'
            '"reset_on_ceiling":false,"step":"2'
        )
        assert not _plan(start).sessions[0].exercises[0].weighted.progression
        (step,) = _plan(start + '.5"').sessions[0].exercises[0].weighted.progression
        assert step.step == "2.5"

    def test_adds_only_complete_targets_in_any_key_order(self) -> None:
        flags = "".join(f'"{key}":false,' for key in RUN["sets"][0] if key.startswith("track_"))
        start = (
            '{"name":"P","sessions":[{"name":"A","exercises":[{"cardio":{"name":"Run","sets":[{'
            f'{flags}"rest_between_sets":null,"target":{{"distance":{{"unit":"UNIT_MILE","value":"1'
        )
        assert not _plan(start).sessions[0].exercises[0].cardio.sets
        (one,) = _plan(start + '2"').sessions[0].exercises[0].cardio.sets
        assert one.distance.value == "12"

    def test_omits_links(self) -> None:
        text = json.dumps(PLAN).replace('"link": ""', '"link": "https://example.org"')
        assert _plan(text) == parse_plan(PLAN)

    def test_cuts_values_beyond_their_limits(self) -> None:
        data = PLAN | {"name": "x" * 200, "sessions": [PLAN["sessions"][0]] * 30}
        plan = partial_plan(data)
        assert (len(plan.name), len(plan.sessions)) == (100, 20)

    @pytest.mark.parametrize(
        "text", ["", " ", "nonsense", "[", "5", '"text', "null", '{"a":"\\ud83d"}']
    )
    def test_is_empty_for_anything_else(self, text: str) -> None:
        assert _plan(text) == plan_pb2.Plan()
