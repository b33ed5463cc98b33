import pytest

from sage_local.functions import FunctionContext
from sage_local.functions.shared import SharedObjects


def context(shared_objects):
    return FunctionContext(
        job_name="job", operator_name="op", subtask_index=0, parallelism=1, shared_objects=shared_objects
    )


def test_an_object_is_loaded_once_for_all_who_ask_by_its_name():
    shared_objects, loads = SharedObjects(), []

    def load():
        loads.append(1)
        return object()

    one, other = context(shared_objects), context(shared_objects)
    assert one.shared("model", load) is other.shared("model", load)
    assert one.shared("another", load) is not one.shared("model", load)
    assert len(loads) == 2


def test_what_failed_to_load_is_loaded_by_the_next_to_ask():
    shared_objects = SharedObjects()
    with pytest.raises(OSError, match="not there"):
        context(shared_objects).shared("model", _missing)
    assert context(shared_objects).shared("model", lambda: "model") == "model"


def test_none_is_an_object_like_any_other():
    place = context(SharedObjects())
    assert place.shared("nothing", lambda: None) is None
    assert place.shared("nothing", _missing) is None


def _missing():
    raise OSError("not there")
