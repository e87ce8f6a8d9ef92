"""Checks of the packages that this one asks for, as its own metadata lists them."""

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

import msgspec

from tradewrit.surfaces.cli.machine import Check

# Distribution -> (module to import, what the desk does with it). A test holds this against pyproject.toml.
USES: Final[Mapping[str, tuple[str, str]]] = {
    "bokeh-sampledata": ("bokeh_sampledata", "real daily prices for the demo"),
    "cryptography": ("cryptography", "keys and tokens of the writs"),
    "exchange-calendars": ("exchange_calendars", "calendars of exchanges other than the NYSE"),
    "fastapi": ("fastapi", "the credential server"),
    "httpx": ("httpx", "a credential authority elsewhere"),
    "msgspec": ("msgspec", "events, journal records, configuration"),
    "numpy": ("numpy", "indicators and backtests"),
    "optuna": ("optuna", "sweeps that learn from what they have tried"),
    "polars": ("polars", "Parquet files"),
    "pyyaml": ("yaml", "configuration files"),
    "ray": ("ray", "sweeps over several machines"),
    "rich": ("rich", "tables and progress"),
    "typer": ("typer", "this command line"),
    "tzdata": ("tzdata", "time zones where the system has none"),
    "uvicorn": ("uvicorn", "the credential server"),
}
_REQUIREMENT: Final = re.compile(
    r"([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*([^;]*)(?:;.*extra\s*==\s*['\"]([^'\"]+)['\"])?"
)
_BOUND: Final = re.compile(r"(>=|<)\s*([0-9.]+)")


class Requirement(msgspec.Struct, frozen=True):
    """One package that is asked for. extra: the extra that asks for it, empty for the core."""

    name: str
    bounds: str
    extra: str


def requirement(text: str) -> Requirement:
    """A requirement from the metadata.

    >>> requirement("polars<3,>=1.20; extra == 'data'")
    Requirement(name='polars', bounds='<3,>=1.20', extra='data')
    """
    found = _REQUIREMENT.match(text)
    if found is None:
        return Requirement(text, "", "")
    name, bounds, extra = found.groups()
    return Requirement(name.lower().replace("_", "-"), bounds.strip(), extra or "")


def is_within(installed: str, bounds: str) -> bool:
    """Whether a version keeps its lower and upper bounds; other kinds of bound are left to the installer.

    >>> is_within("2.1.0", "<3,>=1.20"), is_within("3.0", "<3,>=1.20"), is_within("1.3", ">=1.20")
    (True, False, False)
    """
    held = _release(installed)
    return all(
        held >= _release(bound) if kind == ">=" else held < _release(bound)
        for kind, bound in _BOUND.findall(bounds)
    )


def _release(text: str) -> tuple[int, ...]:
    """The leading numbers of a version, without trailing zeros: 3.0 is 3."""
    numbers = [int(digits) for digits in re.findall(r"\d+", re.split(r"[^0-9.]", text, maxsplit=1)[0])]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def package_checks(find_version: Callable[[str], str] = version) -> list[Check]:
    """Tradewrit, then every package it asks for: the core first, then the extras."""
    try:
        wanted = [requirement(text) for text in requires("tradewrit") or ()]
        own = Check(name="tradewrit", ok=True, found=version("tradewrit"))
    except PackageNotFoundError:
        advice = "install it: pip install tradewrit, or `make setup` in a checkout"
        return [Check(name="tradewrit", ok=False, found="on the path, but not installed", advice=advice)]
    return [
        own,
        *(_check(one, find_version) for one in sorted(wanted, key=lambda one: (one.extra, one.name))),
    ]


def _check(wanted: Requirement, find_version: Callable[[str], str]) -> Check:
    module, enables = USES.get(wanted.name, (wanted.name.replace("-", "_"), ""))
    install = (
        f"pip install 'tradewrit[{wanted.extra}]'"
        if wanted.extra
        else f"pip install '{wanted.name}{wanted.bounds}'"
    )
    is_ok, found, advice = True, "", ""
    try:
        found = find_version(wanted.name)
        import_module(module)
    except PackageNotFoundError:
        is_ok, found, advice = False, "not installed", install
    except ImportError as error:
        is_ok, found, advice = False, f"{found} cannot be imported: {error}", f"install it again: {install}"
    if is_ok and not is_within(found, wanted.bounds):
        is_ok, found, advice = False, f"{found} is not {wanted.bounds}", install
    name = f"{wanted.name} [{wanted.extra}]" if wanted.extra else wanted.name
    return Check(
        name=name, ok=is_ok, found=found, advice=advice, enables=enables, is_required=not wanted.extra
    )
