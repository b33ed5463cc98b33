"""The public names are listed once, load lazily, and are the same objects everywhere."""

import importlib
import subprocess
import sys
import typing

import pytest

import sage_local
import sage_local.testing

PUBLIC = [sage_local, sage_local.testing]
of_every_public_module = pytest.mark.parametrize("module", PUBLIC, ids=["sage_local", "sage_local.testing"])
ALIASES = ["sage.core.api", "sage.core.api.local_environment", "sage.core.api.function", "sage.core.api.datastream"]


@pytest.mark.parametrize(
    ("module", "name"), [pytest.param(module, name, id=name) for module in PUBLIC for name in module.__all__]
)
def test_every_public_name_is_there_and_at_home(module, name):
    assert getattr(module, name) is getattr(importlib.import_module(module._HOMES[name]), name)


@of_every_public_module
def test_the_names_are_in_order_and_in_dir(module):
    assert module.__all__ == sorted(module.__all__)
    assert set(module.__all__) <= set(dir(module))


@of_every_public_module
def test_type_checkers_see_the_same_names(module, monkeypatch):
    monkeypatch.setattr(typing, "TYPE_CHECKING", True)
    namespace = {"__name__": module.__name__}
    with open(module.__file__) as file:
        exec(compile(file.read(), module.__file__, "exec"), namespace)
    assert {name for name in module.__all__ if name in namespace} == set(module.__all__)


@of_every_public_module
def test_an_unknown_name_is_an_attribute_error_as_in_any_module(module):
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'nothing'"):
        _ = module.nothing


def test_every_exported_name_of_a_room_exists():
    for room in ("api", "config", "functions", "windowing"):
        module = importlib.import_module(f"sage_local.{room}")
        for name in getattr(module, "__all__", ()):
            assert hasattr(module, name), (room, name)


@pytest.mark.parametrize("alias", ALIASES)
def test_the_first_names_are_the_same_objects(alias):
    module = importlib.import_module(alias)
    for name in module.__all__:
        assert getattr(module, name) is getattr(sage_local, name)


def test_sage_is_a_namespace_that_others_may_share():
    assert importlib.import_module("sage").__file__ is None


@pytest.mark.parametrize(
    "program",
    [
        "import sage_local",
        "from sage_local import BaseFunction, MapFunction, OperatorError",
        "from sage_local import LocalEnvironment; LocalEnvironment().from_collection([1]).map(str).print()",
    ],
)
def test_what_a_row_program_does_not_need_is_not_loaded(program):
    """Importing pyarrow or numpy takes longer than starting a job."""
    heavy = {"asyncio", "loguru", "numpy", "pyarrow", "rich", "uvloop"}
    check = f"import sys; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", f"{program}\n{check}"], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
