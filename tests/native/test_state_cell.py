import pytest

from sage_local.runtime.native import Cursor, StateCell, is_immutable

NO_KEY = object()


class Cell(StateCell):
    def __init__(self, values, cursor, said):
        super().__init__(values, cursor, said, "nothing")
        self.heard = []

    def _announce(self, key):
        self.heard.append(key)

    def _refuse(self):
        raise LookupError("no key")


@pytest.fixture
def cursor():
    made = Cursor(NO_KEY)
    made.key = "k"
    return made


@pytest.mark.parametrize("value", [1, 2.5, 1j, True, None, "a", b"a", (), (1, ("a", None))])
def test_plain_values_and_tuples_of_them_are_immutable(value):
    assert is_immutable(value)


@pytest.mark.parametrize("value", [[], {}, (1, []), bytearray(), object(), type("Text", (str,), {})("a")])
def test_what_could_be_changed_in_place_is_not(value):
    assert not is_immutable(value)


def test_a_tuple_that_is_too_deep_is_taken_for_mutable():
    value = ()
    for _ in range(100_000):
        value = (value,)
    assert not is_immutable(value)


def test_a_value_that_may_be_changed_in_place_is_announced_when_it_is_found(cursor):
    values = {"k": []}
    cell = Cell(values, cursor, set())
    assert cell._find() is values["k"]
    assert cell.heard == ["k"]


def test_a_value_that_can_not_be_changed_is_announced_when_it_is_set(cursor):
    cell = Cell({"k": (1, "a")}, cursor, set())
    assert cell._find() == (1, "a")
    assert cell.heard == []
    cell._set((2, "b"))
    assert cell.heard == ["k"]
    assert cell._find() == (2, "b")


@pytest.mark.parametrize("key", [(), ("a",), ("a", 1)])
def test_a_key_that_is_a_tuple_is_announced_whole(cursor, key):
    cursor.key = key
    cell = Cell({}, cursor, set())
    cell._set(1)
    assert cell.heard == [key]


def test_a_key_that_was_said_is_not_said_again(cursor):
    cell = Cell({"k": []}, cursor, {"k"})
    cell._find()
    cell._set([])
    assert cell.heard == []


def test_nothing_is_announced_where_changes_are_not_tracked(cursor):
    cell = Cell({"k": []}, cursor, None)
    cell._set(cell._find())
    assert cell.heard == []


def test_what_is_not_there_is_the_fallback(cursor):
    cell = Cell({}, cursor, set())
    assert cell._find() == "nothing"
    assert cell.heard == []


def test_an_announcement_that_raises_leaves_the_value_as_it_was(cursor):
    class Failing(Cell):
        def _announce(self, key):
            raise ValueError(key)

    values = {"k": 1}
    with pytest.raises(ValueError, match="k"):
        Failing(values, cursor, set())._set(2)
    assert values == {"k": 1}


def test_without_a_key_it_refuses(cursor):
    cell = Cell({}, cursor, set())
    cursor.key = NO_KEY
    for act in (cell._find, lambda: cell._set(1)):
        with pytest.raises(LookupError):
            act()


def test_a_key_without_a_hash_is_an_error_and_no_crash(cursor):
    cell = Cell({}, cursor, set())
    cursor.key = []
    for act in (cell._find, lambda: cell._set(1)):
        with pytest.raises(TypeError, match="unhashable"):
            act()


def test_what_was_never_made_properly_refuses_to_work(cursor):
    bare = Cell.__new__(Cell)
    with pytest.raises(ValueError, match="without a key"):
        bare._find()
    with pytest.raises(TypeError, match="expected a set"):
        StateCell({}, cursor, ["k"], None)
    with pytest.raises(TypeError):
        StateCell({}, object(), set(), None)
    del cursor.key
    with pytest.raises(ValueError, match="without a key"):
        Cell({}, cursor, set())._find()
