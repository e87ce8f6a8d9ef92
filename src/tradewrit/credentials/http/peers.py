"""For whom a request comes: the address that rate limits count against."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def client_address(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """Who sent the request.

    peer: the address at the other end of the socket. forwarded: its X-Forwarded-For, nearest last. Only
    a proxy we trust is believed, and of what it says the last address that is no such proxy itself:
    everything before that was written by a stranger.

    >>> from ipaddress import ip_network
    >>> client_address("10.0.0.1", "1.2.3.4, 5.6.7.8", [ip_network("10.0.0.0/8")])
    '5.6.7.8'
    >>> client_address("5.6.7.8", "1.2.3.4", [])
    '5.6.7.8'
    """
    at = _parsed(peer)
    for text in reversed(forwarded.split(",")):
        if at is None or not _is_in(at, proxies):
            break
        before = _parsed(text.strip())
        if before is None:
            break
        at = before
    return peer if at is None else str(at)


def _parsed(text: str) -> Address | None:
    try:
        at = ip_address(text)
    except ValueError:
        return None
    # One client must not have two addresses: ::ffff:1.2.3.4 is 1.2.3.4.
    return getattr(at, "ipv4_mapped", None) or at


def _is_in(at: Address, networks: Sequence[Network]) -> bool:
    return any(at in network for network in networks)
