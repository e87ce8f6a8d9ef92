"""One server for all tests of a worker that only need one; each leaves it as usable as it was."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.unit.credentials.http.servers import UNLIMITED, Served, process, thread
from tradewrit.credentials.http.settings import ServerSettings
from tradewrit.credentials.keys import SigningKey
from tradewrit.runtime.clock import system_entropy


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The command, in a process of its own."""
    with process(tmp_path_factory.mktemp("real") / "home") as served:
        yield served


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server in a thread of this process."""
    settings = ServerSettings(port=0, rates=UNLIMITED)
    with thread(tmp_path_factory.mktemp("served") / "home", settings) as running:
        yield running


@pytest.fixture
def http(served: Served) -> Iterator[httpx.Client]:
    """A kept-alive connection to it."""
    with served.http() as client:
        yield client


@pytest.fixture
def key() -> SigningKey:
    """An agent's own key."""
    return SigningKey.draw(system_entropy)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for a home of one's own."""
    return tmp_path / "home"
