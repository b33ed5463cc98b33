"""What holds for every test."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

# A test says nothing about time: on a busy machine any example may take long.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def own_run_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Jobs of the tests are nobody else's: others may run jobs, or these tests, on the same machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGE_RUN_DIR", str(tmp_path_factory.mktemp("run")))
        yield
