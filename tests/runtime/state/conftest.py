from collections.abc import Callable

import pytest

from sage_local.core.clock import ManualClock
from sage_local.runtime.state.backend import KeyedBackend
from sage_local.runtime.state.keyed import KeyedState
from tests.runtime.state.backends import BACKENDS


@pytest.fixture(params=BACKENDS)
def new_backend(request: pytest.FixtureRequest) -> Callable[[], KeyedBackend]:
    return BACKENDS[request.param]


@pytest.fixture
def backend(new_backend: Callable[[], KeyedBackend]) -> KeyedBackend:
    return new_backend()


@pytest.fixture
def state(backend: KeyedBackend) -> KeyedState:
    return KeyedState("op", backend, ManualClock())
