import pickle
from collections.abc import Iterable
from typing import Any

import pytest

from sage_local.connectors.collection import CollectionSource


def read_all(source: CollectionSource[Any], position: int | None = None) -> list[Any]:
    (split,) = source.splits()
    reader = source.open_split(split, position)
    values = []
    while (polled := reader.poll(2)) is not None:
        values += polled
    reader.close()
    return values


@pytest.mark.parametrize(
    "values", [[1, None, 3], (1, 2), range(5), {"a": 1, "b": 2}, "text", []], ids=lambda values: type(values).__name__
)
def test_every_value_is_emitted_in_order(values: Iterable[Any]) -> None:
    assert read_all(CollectionSource(values)) == list(values)


def test_an_iterator_is_read_once_and_emitted_at_every_submit() -> None:
    source = CollectionSource(value * 2 for value in range(3))
    assert [read_all(source), read_all(source)] == [[0, 2, 4], [0, 2, 4]]


def test_an_iterator_can_travel_once_its_splits_are_known() -> None:
    source = CollectionSource(iter([1, 2]))
    source.splits()
    assert read_all(pickle.loads(pickle.dumps(source))) == [1, 2]


def test_a_large_range_is_not_read_into_a_list() -> None:
    source = CollectionSource(range(10**15))
    (split,) = source.splits()
    assert split.size == 10**15
    assert source.open_split(split).poll(2) == [0, 1]


def test_a_reader_continues_from_a_snapshot() -> None:
    source = CollectionSource("abcde")
    (split,) = source.splits()
    reader = source.open_split(split)
    reader.poll(2)
    assert read_all(source, reader.snapshot()) == ["c", "d", "e"]


def test_what_can_not_be_iterated_over_is_refused() -> None:
    with pytest.raises(TypeError, match="expects an iterable of values, found int"):
        CollectionSource(5)
