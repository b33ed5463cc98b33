from collections.abc import Callable
from pathlib import Path

import pytest

from sage_local.bench.catalog import UnknownWorkload, built_in, find

File = Callable[..., Path]


def test_names_of_workloads_are_unique() -> None:
    names = [found.workload.name for found in built_in()]
    assert len(names) == len(set(names))


def test_an_unknown_name_is_an_error_that_offers_the_nearest() -> None:
    with pytest.raises(UnknownWorkload, match="no workload is named 'wordcont'; did you mean 'wordcount'"):
        find(["wordcont"])


def test_a_file_brings_workloads_of_its_own(workload_file: File) -> None:
    file = workload_file()
    assert [(found.workload.name, found.program) for found in find([str(file)])] == [("adding", (str(file),))]


def test_a_file_may_import_its_neighbours(workload_file: File) -> None:
    file = workload_file(("import sys\n", "from neighbour_of_adding import sys\n"))
    (file.parent / "neighbour_of_adding.py").write_text("import sys\n")
    assert [found.workload.name for found in find([str(file)])] == ["adding"]


def test_a_file_without_workloads_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "empty.py"
    file.write_text("WORKLOADS = ()\n")
    with pytest.raises(UnknownWorkload, match=r"empty.py: expected WORKLOADS"):
        find([str(file)])


def test_a_file_that_is_not_there_is_an_error() -> None:
    with pytest.raises(UnknownWorkload, match=r"absent.py: there is no such file"):
        find(["absent.py"])
