"""The address under which a client reached us: what its proof of possession must name.

The Host header is the client's own word. It is believed only where it names this server, else a proof made
for another server could be played back here.
"""

from collections.abc import Iterable
from typing import Final

LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")


class Origin:
    """The origins of this server, `scheme://host:port`; the first one stands where a client names none."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._known = tuple(origin.rstrip("/").lower() for origin in origins)

    @classmethod
    def listening(cls, host: str, port: int, *, is_tls: bool, public_url: str = "") -> "Origin":
        """The origins of a server that listens there. host: an address, IPv6 without brackets."""
        if public_url:
            return cls([public_url])
        scheme, usual = ("https", 443) if is_tls else ("http", 80)
        named = f"[{host}]" if ":" in host else host
        names = (named, *LOOPBACK_NAMES) if named in LOOPBACK_NAMES or host == "::1" else (named,)
        suffix = "" if port == usual else f":{port}"
        return cls(f"{scheme}://{name}{suffix}" for name in names)

    def url(self, scheme: str, host: str, path: str) -> str:
        """The address of a request. host: its Host header, which counts if it is one of ours."""
        claimed = f"{scheme}://{host}".lower()
        return (claimed if claimed in self._known else self._known[0]) + path
