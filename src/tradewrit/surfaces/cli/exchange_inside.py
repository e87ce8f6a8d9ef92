"""A paper exchange in a thread of a desk's own process: it begins before the desk, and ends with it.

One that fails while the desk runs takes the desk with it: its stops were at that exchange.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tradewrit.errors import ConfigError, OurFault, Unreachable

Serve = Callable[[Callable[[str], None]], None]
"""Answers until it is stopped; told whom to tell its address. Raises what it failed with."""
_END_S: Final = 4.0


class Inside:
    """The exchange. url: where it answers. account: the file that it goes on from."""

    def __init__(self, serve: Serve, account: Path) -> None:
        self._serve = serve
        self._account = account
        self._listening = threading.Event()
        self._guard = threading.Lock()
        self._failure: BaseException | None = None
        self._told: Callable[[str], None] | None = None
        self.url = ""
        self._thread = threading.Thread(target=self._work, name="tradewrit-exchange-server", daemon=True)

    def begin(self) -> None:
        """Returns once it answers. Raises ConfigError when it does not come to that."""
        self._thread.start()
        self._listening.wait()
        if not self.url:
            raise ConfigError(f"the paper exchange did not start: {self._failure or 'it ended'}")

    def watch(self, told: Callable[[str], None]) -> None:
        """Tell somebody, from its own thread, what it fails with; at once when it has failed already."""
        with self._guard:
            self._told = told
            failed = self._failure is not None
        if failed:
            told(self.why)

    def join(self) -> None:
        """Wait for its end, for a while."""
        self._thread.join(_END_S)

    @property
    def why(self) -> str:
        """What it failed with; "" while it has not."""
        failure = self._failure
        return "" if failure is None else str(failure) or type(failure).__name__

    def check(self) -> None:
        """Raises OurFault when it has failed."""
        if self._failure is not None:
            raise OurFault(
                f"the paper exchange of this desk has failed: {self.why}. Its account, with all orders and "
                f"stops, is in {self._account}: the same command goes on from there"
            ) from self._failure

    def _work(self) -> None:
        try:
            self._serve(self._began)
        except BaseException as why:  # noqa: BLE001 - told to whoever waits for it
            with self._guard:
                self._failure, told = why, self._told
            if told is not None:
                told(self.why)
        finally:
            self._listening.set()

    def _began(self, url: str) -> None:
        self.url = url
        self._listening.set()


@contextmanager
def exchange_inside(serve: Serve, stop: Callable[[], None], account: Path) -> Iterator[Inside]:
    """A paper exchange while the block lasts. account: the file that it goes on from.

    Raises ConfigError when it does not start. Where the block cannot reach it because it has failed, that is
    what is raised, as an OurFault.
    """
    one = Inside(serve, account)
    one.begin()
    try:
        yield one
    except Unreachable:
        one.join()  # it has hardly stopped to answer, and is about to say why
        one.check()
        raise
    finally:
        stop()
        one.join()
