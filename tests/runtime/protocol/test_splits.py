"""Who reads which split."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from sage_local.runtime.protocol.splits import share


class Sized(NamedTuple):
    number: int
    size: int


def test_splits_without_a_size_are_given_out_in_turn():
    assert [share("abcde", subtask, 2) for subtask in range(2)] == [["a", "c", "e"], ["b", "d"]]


def test_the_largest_split_does_not_share_its_reader_with_others_of_weight():
    splits = [Sized(0, 10), Sized(1, 100), Sized(2, 40), Sized(3, 50)]
    assert share(splits, 0, 2) == [splits[1]]
    assert share(splits, 1, 2) == [splits[0], splits[2], splits[3]]


def test_empty_splits_do_not_all_go_to_one_subtask():
    splits = [Sized(number, 0) for number in range(4)]
    assert [len(share(splits, subtask, 4)) for subtask in range(4)] == [1, 1, 1, 1]


@given(st.lists(st.integers(0, 1000)), st.integers(1, 8))
def test_every_split_is_read_once_and_in_order(sizes, parallelism):
    splits = [Sized(number, size) for number, size in enumerate(sizes)]
    shares = [share(splits, subtask, parallelism) for subtask in range(parallelism)]
    assert sorted(split for each in shares for split in each) == splits
    assert all(each == sorted(each) for each in shares)
