import pickle

import pytest

from sage_local import (
    AggregatingStateDescriptor,
    BroadcastStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    OutputTag,
    PlanError,
    ReducingStateDescriptor,
    StateError,
    StateTtlConfig,
    ValueStateDescriptor,
)
from sage_local.functions.aggregates import Count
from sage_local.functions.output_tag import check_on_error


@pytest.mark.parametrize(
    "kind", [ValueStateDescriptor, ListStateDescriptor, MapStateDescriptor, BroadcastStateDescriptor]
)
@pytest.mark.parametrize("name", ["", None, 7])
def test_a_state_needs_a_name(kind, name):
    with pytest.raises(StateError, match="must be a str that is not empty"):
        kind(name)


@pytest.mark.parametrize("default", [[], {}, set(), bytearray()])
def test_a_default_that_all_keys_would_share_is_refused(default):
    with pytest.raises(StateError, match="all keys would share: use default_factory"):
        ValueStateDescriptor("s", default)


@pytest.mark.parametrize(
    "describe",
    [
        lambda: ValueStateDescriptor("s", default_factory=[]),
        lambda: ValueStateDescriptor("s", ttl="1h"),
        lambda: ReducingStateDescriptor("s", 7),
        lambda: AggregatingStateDescriptor("s", sum),
    ],
)
def test_what_does_not_fit_is_refused_where_it_is_written(describe):
    with pytest.raises(StateError, match="of state 's' must be"):
        describe()


def test_equal_descriptors_are_equal_whatever_their_type_arguments():
    assert ValueStateDescriptor[int]("s", 0) == ValueStateDescriptor("s", 0)
    assert ValueStateDescriptor("s", 0) != ValueStateDescriptor("s", 1)
    assert ValueStateDescriptor("s") != ListStateDescriptor("s")
    assert ValueStateDescriptor("s") != ValueStateDescriptor("s", ttl=StateTtlConfig("1h"))
    assert ReducingStateDescriptor("s", max) == ReducingStateDescriptor("s", max)
    assert len({ListStateDescriptor("s"), ListStateDescriptor("s"), ListStateDescriptor("t")}) == 2


def test_a_descriptor_shows_what_it_describes():
    assert repr(ValueStateDescriptor[int]("s", 3)) == "ValueStateDescriptor('s', default=3)"


@pytest.mark.parametrize(
    "value",
    [ValueStateDescriptor("s", 1, ttl=StateTtlConfig("1h")), AggregatingStateDescriptor("s", Count()), OutputTag("t")],
)
def test_descriptors_and_tags_travel(value):
    copy = pickle.loads(pickle.dumps(value))
    assert repr(copy)[:30] == repr(value)[:30]


def test_tags_of_one_name_are_one_tag():
    assert OutputTag[int]("late") == OutputTag("late")
    assert len({OutputTag("late"), OutputTag[str]("late")}) == 1


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_tag_needs_a_name(name):
    with pytest.raises(PlanError, match="the name of an OutputTag"):
        OutputTag(name)


@pytest.mark.parametrize("on_error", ["ignore", None, ValueError, True])
def test_on_error_is_one_of_three(on_error):
    with pytest.raises(PlanError, match="on_error must be 'fail', 'skip' or an OutputTag"):
        check_on_error(on_error)
