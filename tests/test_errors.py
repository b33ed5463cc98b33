import pickle

import pytest

from sage_local import errors

FIELDS = {
    errors.OperatorError: ("parse", 1, 4, "{'a': 1}", "ValueError: bad"),
    errors.WorkerLostError: (3, ("parse", "count"), "killed by SIGKILL"),
}
TREE = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, Exception)]


@pytest.mark.parametrize("cls", TREE)
def test_every_exception_crosses_a_process_boundary_as_it_is(cls):
    error = cls(*FIELDS.get(cls, ("what went wrong",)))
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert (str(copy), copy.args) == (str(error), error.args)


@pytest.mark.parametrize("cls", TREE)
def test_every_exception_is_of_the_one_tree_and_drawn_in_it(cls):
    assert issubclass(cls, errors.SageError)
    assert f" {cls.__name__}" in errors.__doc__


def test_an_operator_error_says_where_and_on_what():
    error = errors.OperatorError("parse", 1, 4, "{'a': 1}", "ValueError: bad")
    assert str(error) == "operator 'parse' (subtask 2 of 4) failed on record {'a': 1}: ValueError: bad"


def test_an_operator_error_without_a_record_says_nothing_of_one():
    error = errors.OperatorError("parse", 0, 1, None, "OSError: no model")
    assert str(error) == "operator 'parse' (subtask 1 of 1) failed: OSError: no model"


def test_a_lost_worker_is_named_with_its_operators_and_how():
    error = errors.WorkerLostError(3, ("parse", "count"), "killed by SIGKILL")
    assert str(error) == "worker 3 ('parse', 'count') was lost: killed by SIGKILL"


@pytest.mark.parametrize(
    ("cls", "builtin"),
    [
        (errors.ConfigError, ValueError),
        (errors.PlanError, ValueError),
        (errors.FunctionError, TypeError),
        (errors.InvalidKeyError, TypeError),
    ],
)
def test_wrong_use_is_also_the_builtin_error_for_it(cls, builtin):
    assert issubclass(cls, builtin)
