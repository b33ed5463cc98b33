from collections.abc import Callable
from pathlib import Path

import pytest

from sage_local.config import Settings
from sage_local.errors import ConfigError
from sage_local.runtime.memory.budget import budget_bytes, refuse_too_small, ring_share_bytes

Machine = Callable[[str], Path]
WRITTEN = Settings({"taskmanager.memory.process.size": "4gb"})


def test_what_was_set_is_the_budget(machine: Machine) -> None:
    assert budget_bytes(WRITTEN, machine("container")) == 4 * 2**30


def test_the_containers_limit_comes_before_the_machines_memory(machine: Machine) -> None:
    assert budget_bytes(Settings({}), machine("container")) == 2 * 2**30


def test_the_machines_memory_is_the_budget_where_there_is_no_limit(machine: Machine) -> None:
    assert budget_bytes(Settings({}), machine("laptop")) == 16252404 * 1024


def test_rings_have_a_part_of_the_budget_and_no_more_than_they_can_use(machine: Machine) -> None:
    root = machine("laptop")
    assert ring_share_bytes(WRITTEN, 2, root) == 32 * 2**20
    assert ring_share_bytes(WRITTEN, 128, root) == 2**30


def test_a_budget_that_rings_alone_would_fill_is_refused() -> None:
    refuse_too_small(20 * 2**20, 10 * 2**20, 2)
    with pytest.raises(ConfigError, match=r"between 64 workers alone need 258\.0 MiB"):
        refuse_too_small(2**28, 258 * 2**20, 64)


def test_a_budget_that_workers_alone_would_fill_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"budget is 39\.0 MiB, and 10 workers need 40\.0 MiB before they hold"):
        refuse_too_small(39 * 2**20, 0, 10)
    with pytest.raises(ConfigError, match=r"budget is 1\.0 MiB, and 1 worker needs 4\.0 MiB before"):
        refuse_too_small(2**20, 0, 1)
