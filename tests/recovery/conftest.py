import pytest

from sage_local import LocalEnvironment
from tests.job_site import site

__all__ = ["site"]


@pytest.fixture
def environment(site, tmp_path):
    """Makes environments whose jobs take checkpoints often."""

    def environment(name="job", **settings):
        config = {
            "parallelism": 2,
            "buffer.timeout": 5,
            "checkpoint.interval": "20ms",
            "checkpoint.dir": str(tmp_path / "checkpoints"),
            **{key.replace("__", "."): value for key, value in settings.items()},
        }
        return LocalEnvironment(name, {key: value for key, value in config.items() if value is not None})

    return environment
