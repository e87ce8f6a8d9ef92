"""What the commands that serve HTTP have in common."""

from tradewrit.errors import ConfigError


def need_server() -> None:
    """Raises ConfigError when the extra is not installed."""
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise ConfigError("serving needs FastAPI and uvicorn: pip install 'tradewrit[server]'") from None
