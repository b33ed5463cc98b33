"""The names of the kit are listed once and load lazily."""

import importlib
import subprocess
import sys
import typing

import pytest

import sage_local.testing as kit


@pytest.mark.parametrize("name", kit.__all__)
def test_every_public_name_is_there_and_at_home(name):
    assert getattr(kit, name) is getattr(importlib.import_module(kit._HOMES[name]), name)


def test_the_names_are_in_order_and_in_dir():
    assert kit.__all__ == sorted(kit.__all__)
    assert set(kit.__all__) <= set(dir(kit))


def test_type_checkers_see_the_same_names(monkeypatch):
    monkeypatch.setattr(typing, "TYPE_CHECKING", True)
    namespace = {"__name__": "sage_local.testing"}
    with open(kit.__file__) as file:
        exec(compile(file.read(), kit.__file__, "exec"), namespace)
    assert {name for name in kit.__all__ if name in namespace} == set(kit.__all__)


def test_an_unknown_name_is_an_attribute_error_as_in_any_module():
    with pytest.raises(AttributeError, match=r"module 'sage_local\.testing' has no attribute 'nothing'"):
        _ = kit.nothing


def test_the_kit_needs_no_column_library():
    check = "import sys; print(sorted({'numpy', 'pyarrow', 'loguru', 'asyncio'} & sys.modules.keys()))"
    program = "from sage_local.testing import OperatorHarness, ScriptedSource, check_equivalent, leak_check"
    done = subprocess.run([sys.executable, "-c", f"{program}\n{check}"], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
