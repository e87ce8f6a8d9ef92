"""What a result depends on, as hashes: data, code, parameters. Equal keys, equal results."""

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec
import numpy as np

import tradewrit
from tradewrit.features.bars import Bars
from tradewrit.research.sweep.columns import columns_of
from tradewrit.research.sweep.runs import Job
from tradewrit.research.sweep.walk_forward import Leg
from tradewrit.strategies.base import Strategy
from tradewrit.version import VERSION

_LENGTH: Final = 32
# What only shows results, or only reads what a run is then given.
_WITHOUT_INFLUENCE: Final = ("surfaces", "config", "research/report")
_PACKAGE: Final = Path(tradewrit.__file__).parent


def data_key(bars: Iterable[Bars]) -> str:
    """Of every number of every bar, and of the symbols by rank."""
    digest = hashlib.sha256()
    for one in bars:
        for name, column in columns_of(one):
            digest.update(f"{one.symbol}\0{name}\0{len(one)}\0".encode())
            digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()[:_LENGTH]


def code_key(kind: type[Strategy]) -> str:
    """Of the strategy's source, of what it imports from beside itself, and of this package.

    Not of other installed packages but numpy: their versions are the user's to keep.
    """
    sources = [file.read_bytes() for file in sorted(_own_files(kind))]
    parts = [VERSION, np.__version__, package_key(), kind.__qualname__]
    return _hashed(*parts, *(hashlib.sha256(source).hexdigest() for source in sources))


@cache
def package_key() -> str:
    """Of the version and of every source file that can move a result."""
    digest = hashlib.sha256(VERSION.encode())
    for file in sorted(_PACKAGE.rglob("*.py")):
        name = file.relative_to(_PACKAGE).as_posix()
        if not name.startswith(_WITHOUT_INFLUENCE):
            digest.update(f"{name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:_LENGTH]


def run_key(data: str, code: str, job: Job, leg: Leg) -> str:
    """Of one run: a point on one leg. The trial's number and what is looked for do not count."""
    parameters = {name: str(value) for name, value in job.parameters.items()}
    # Sets and mappings in one order, whatever order they were made in.
    parts = (msgspec.json.encode(part, order="deterministic").decode() for part in (parameters, job.setup))
    return _hashed(data, code, *parts, leg.part, leg.stretch)


def _hashed(*parts: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:_LENGTH]


def _own_files(kind: type[Strategy]) -> set[Path]:
    """The file of a class, and of every module its module reaches that nobody installed."""
    found: dict[str, Path] = {}
    waiting = [kind.__module__]
    while waiting:
        name = waiting.pop()
        file = None if name in found else _own_file(name)
        if file is not None:
            found[name] = file
            waiting += [*_held_by(name), *_imported_by(name, file)]
    return set(found.values())


def _held_by(name: str) -> Iterator[str]:
    """Where the values of a module come from: they may have been imported under a name made up on the way."""
    module = sys.modules.get(name)
    for value in () if module is None else tuple(vars(module).values()):
        origin = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if isinstance(origin, str):
            yield origin


def _imported_by(name: str, file: Path) -> Iterator[str]:
    """What a source imports, and the packages around it: a number does not say where it comes from."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError:  # of a module that is imported later, or never
        return
    for node in ast.walk(tree):
        for full in _named_by(node, package):
            parts = full.split(".")
            yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _named_by(node: ast.AST, package: str) -> list[str]:
    """The modules an import may mean: `from a import b` is a, and perhaps a.b."""
    if isinstance(node, ast.Import):
        return [one.name for one in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    try:
        origin = resolve_name("." * node.level + (node.module or ""), package)
    except ImportError:  # a relative import in what is no package fails when it is run
        return []
    return [f"{origin}.{one.name}" for one in node.names]


def _own_file(name: str) -> Path | None:
    """Where a module's source lies; None for what comes with Python, with a package or with this one."""
    module = sys.modules.get(name)
    place = _place_of(name) if module is None else getattr(module, "__file__", None)
    if not isinstance(place, str) or not place.endswith(".py"):
        return None
    file = Path(place).resolve()
    installed = {Path(place).resolve() for place in (sys.prefix, sys.base_prefix)}
    is_foreign = "site-packages" in file.parts or any(file.is_relative_to(one) for one in installed)
    return None if is_foreign or file.is_relative_to(_PACKAGE) else file


def _place_of(name: str) -> str | None:
    """The source that an import would load, which is not run for it."""
    above = name.rpartition(".")[0]
    folders = _folders_of(above) if above else None
    spec = PathFinder.find_spec(name, folders)
    return None if spec is None else spec.origin


def _folders_of(name: str) -> list[str]:
    """Where the parts of a package lie."""
    above = name.rpartition(".")[0]
    spec = PathFinder.find_spec(name, _folders_of(above) if above else None)
    return [] if spec is None else list(spec.submodule_search_locations or ())
