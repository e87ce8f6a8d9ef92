"""A socket that listens, and the address under which it is reached. Knows no HTTP server."""

import socket

from tradewrit.errors import ConfigError


def checked_port(port: int) -> int:
    """The port; raises ConfigError for a number that is none. 0 takes any free one."""
    if not 0 <= port <= 65_535:
        raise ConfigError(f"port {port} is not between 0 (any free one) and 65535")
    return port


def listen(host: str, port: int, *, backlog: int) -> socket.socket:
    """A socket that listens there, for an event loop. backlog: connections that wait to be accepted.

    Raises ConfigError when the address cannot be listened on.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigError(f"{host}: is no address to listen on: {error}") from error
    try:
        # A port in TIME_WAIT is free; one that somebody listens on is not.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {host} port {port}: {error.strerror}; --port 0 takes a free one"
        ) from error
    listener.setblocking(False)
    return listener


def base_url(listener: socket.socket, *, is_tls: bool = False) -> str:
    """`scheme://host:port` of a socket that listens."""
    host, port = listener.getsockname()[:2]
    return f"{'https' if is_tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
