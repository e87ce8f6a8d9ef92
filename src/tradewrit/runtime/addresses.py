"""Who can reach an address."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether only this machine can: `localhost`, or an address such as 127.0.0.1 or ::1.

    Any other name is somebody else's word for an address, and no.
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
