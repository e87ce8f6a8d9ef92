"""`tradewrit version`: which version of what is running."""

import platform

import typer

from tradewrit.errors import OurFault
from tradewrit.surfaces.cli.output import Json, emit_json, emit_text, example


def register(app: typer.Typer) -> None:
    """Add `tradewrit version`."""
    app.command("version", epilog=example("tradewrit version --json"))(_version)


def _version(as_json: Json = False) -> None:
    """Print the version of Tradewrit, of Python and of the platform."""
    show(as_json=as_json)


def show(*, as_json: bool) -> None:
    """Write the version to standard output; raises OurFault when the package is not installed."""
    version = package_version()
    python, system = platform.python_version(), platform.platform(terse=True)
    if as_json:
        emit_json({"tradewrit": version, "python": python, "platform": system})
    else:
        emit_text(f"tradewrit {version} (Python {python}, {system})")


def package_version() -> str:
    """The installed version; raises OurFault when there is none."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("tradewrit")
    except PackageNotFoundError:
        raise OurFault("tradewrit is not installed, only found on the path: run pip install") from None
