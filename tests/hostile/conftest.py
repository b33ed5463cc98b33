"""Bad input of every kind: each test asserts what is said of it, and none leaves anything behind."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from sage_local import LocalEnvironment
from sage_local.testing import leak_check
from tests.eventually import PATIENCE_S

Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No process, no descriptor, no shared memory and no run directory is left of any test."""
    with leak_check():
        yield


@pytest.fixture
def environment() -> Callable[..., LocalEnvironment]:
    """Makes environments of real processes."""

    def make(parallelism: int = 2, **settings: object) -> LocalEnvironment:
        config = {key.replace("__", ".").replace("_", "-"): value for key, value in settings.items()}
        return LocalEnvironment("hostile", config={"parallelism": parallelism, **config})

    return make


@pytest.fixture(params=["inline", "processes"])
def on_both(request: pytest.FixtureRequest) -> LocalEnvironment:
    """An environment of each engine."""
    return LocalEnvironment("hostile", config={"parallelism": 2, "execution.engine": request.param})


@pytest.fixture
def program() -> Program:
    """Runs a program as a user does, from outside, to its end."""

    def run(
        text: str, *, before: Sequence[str] = (), environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """``before``: a command that runs the command behind it."""
        return subprocess.run(
            [*before, sys.executable, "-c", textwrap.dedent(text)],
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    return run
