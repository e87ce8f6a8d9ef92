"""An authority at work, on a clock that stands still until it is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.credentials.authorities import NOW, add_app, opened
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.requests import AppCredentials
from tradewrit.runtime.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(at=NOW)


@pytest.fixture
def authority(tmp_path: Path, clock: ManualClock) -> Iterator[Authority]:
    with opened(tmp_path, clock=clock) as authority:
        yield authority


@pytest.fixture
def app(authority: Authority) -> AppCredentials:
    return add_app(authority)
