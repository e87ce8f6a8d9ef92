"""What holds for every test: no network, no settings of the machine, examples by profile.

Fixtures that belong to one subject live beside its tests, not here.
"""

import ipaddress
import os
import sys
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# No deadline in any profile: a test that fails because the machine was busy says nothing.
# A slow draw is no failure either, for the same reason.
_shared = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("default", _shared, max_examples=100)
settings.register_profile("fast", _shared, max_examples=15)
# Derived from each test, not drawn: the gate answers for the change, not for luck (see .ci/run).
settings.register_profile("ci", _shared, max_examples=100, derandomize=True)
settings.register_profile("prove", _shared, max_examples=400)
settings.load_profile("default")

# A developer's own configuration must not decide whether a test passes.
for _name in [name for name in os.environ if name.startswith("TRADEWRIT_")]:
    del os.environ[_name]


class NetworkRefusedError(RuntimeError):
    """A test reached for the network without saying so.

    Not an OSError on purpose: code under test that survives a lost connection must not survive this.
    """


_OUTGOING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"})


class _Guard:
    """Refuses outgoing sockets while a test runs, through the interpreter's own audit events."""

    running: str | None = None

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.running is None or event not in _OUTGOING:
            return
        host = arguments[0] if event == "socket.getaddrinfo" else _host(arguments[1])
        if not _is_here(host):
            raise NetworkRefusedError(
                f"{self.running} tried to reach {host!r}: use the fake that ships, a tape, or a server on "
                "127.0.0.1; a test that needs the real network carries @pytest.mark.network"
            )


def _host(address: object) -> object:
    """The host of a socket address; a Unix socket's path has none and stays on this machine."""
    return address[0] if isinstance(address, tuple) else None


def _is_here(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in {"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


_guard = _Guard()
sys.addaudithook(_guard)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Guard the whole life of a test, fixtures included, unless it is marked `network`."""
    _guard.running = None if item.get_closest_marker("network") else item.nodeid
    try:
        return (yield)
    finally:
        _guard.running = None
