"""Every generated page: where it lies, and what makes it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tradewrit.config.page import configuration_page
from tradewrit.surfaces.docs.credentials_http import credentials_http_page
from tradewrit.surfaces.docs.events import events_page
from tradewrit.surfaces.docs.exchange_http import exchange_http_page
from tradewrit.surfaces.docs.limits import limits_page
from tradewrit.surfaces.docs.scopes import scopes_page
from tradewrit.surfaces.docs.states import states_page

FOLDER: Final = "docs/reference"
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "configuration.md": configuration_page,
    "credentials-http.md": credentials_http_page,
    "events.md": events_page,
    "exchange-http.md": exchange_http_page,
    "limits.md": limits_page,
    "scopes.md": scopes_page,
    "states.md": states_page,
}


def stale(root: Path) -> list[str]:
    """Names of the pages that are missing under `root` or do not say what the code says."""
    return [name for name, page in PAGES.items() if _text(root / FOLDER / name) != page()]


def write(root: Path) -> list[str]:
    """Write every page that is stale; returns their names. The folder must be there."""
    names = stale(root)
    for name in names:
        (root / FOLDER / name).write_text(PAGES[name](), encoding="utf-8")
    return names


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
