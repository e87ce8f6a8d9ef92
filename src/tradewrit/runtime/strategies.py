"""Finds a strategy: one that comes with the package, or a user's own `.py` file."""

import importlib.util
import re
import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from types import ModuleType
from typing import Final

import msgspec

from tradewrit.domain.ids import derive
from tradewrit.errors import StrategyError
from tradewrit.strategies.base import Strategy
from tradewrit.strategies.registry import BUILT_IN

_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")


def load_strategy(name: str, parameters: Mapping[str, object] | None = None) -> Strategy:
    """A strategy by name or by the path of a `.py` file, with its parameters set and checked.

    Raises StrategyError that names what was wrong and what would be right.
    """
    return with_parameters(strategy_class(name), parameters or {})


def strategy_class(name: str) -> type[Strategy]:
    """The class behind a name or a `.py` file, for who makes many of it; raises StrategyError."""
    if name.endswith(".py"):
        kind = _from_file(Path(name))
    elif name in BUILT_IN:
        kind = BUILT_IN[name]
    else:
        near = get_close_matches(name, BUILT_IN, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        known = ", ".join(sorted(BUILT_IN))
        raise StrategyError(
            f"unknown strategy {name!r}{hint} Known: {known}. Your own is given as a .py file."
        )
    kind.is_columnar()
    return kind


def with_parameters(kind: type[Strategy], parameters: Mapping[str, object]) -> Strategy:
    """A strategy of this class with its parameters set and checked; raises StrategyError."""
    check_names(kind, parameters)
    try:
        strategy = msgspec.convert(dict(parameters), kind, strict=False)
    except msgspec.ValidationError as wrong:
        what, _, place = str(wrong).partition(" - at `$.")
        missing = _MISSING.fullmatch(what)
        if missing is not None:
            raise StrategyError(
                f"{kind.name()}: parameter {missing[1]} has neither a default nor a value"
            ) from wrong
        name = place.rstrip("`")
        given = f" = {parameters[name]!s}" if name in parameters else ""
        raise StrategyError(f"{kind.name()}: parameter {name}{given}: {what}") from wrong
    _check_distances(strategy)
    return strategy


def check_names(kind: type[Strategy], parameters: Iterable[str]) -> None:
    """Raise StrategyError, with a guess at what was meant, for a name that is no parameter of the class."""
    known = kind.__struct_fields__
    for name in parameters:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else "."
            raise StrategyError(f"{kind.name()} has no parameter {name!r}{hint} It has: {', '.join(known)}")


def _check_distances(strategy: Strategy) -> None:
    """Refuse what no price can be worked out from, before it is found on the first signal."""
    for name, value in strategy.parameters().items():
        if isinstance(value, float) and not isfinite(value):
            raise StrategyError(f"{strategy.name()}: parameter {name} = {value}: must be a finite number")
    for name in ("stop_fraction", "trail_fraction"):
        distance = getattr(strategy, name)
        if distance is not None and not 0 < distance < 1:
            raise StrategyError(
                f"{strategy.name()}: parameter {name} = {distance}: must be above 0 and below 1 (5 %: 0.05)"
            )
    if strategy.target_fraction is not None and strategy.target_fraction < 0:
        raise StrategyError(
            f"{strategy.name()}: parameter target_fraction = {strategy.target_fraction}: must not be negative"
        )
    if strategy.max_bars is not None and strategy.max_bars < 1:
        raise StrategyError(
            f"{strategy.name()}: parameter max_bars = {strategy.max_bars}: must be at least 1"
        )


def _from_file(path: Path) -> type[Strategy]:
    if not path.is_file():
        raise StrategyError(f"there is no strategy file {path}")
    module = _import(path)
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Strategy)
        and value is not Strategy
        and value.__module__ == module.__name__
    ]
    if not found:
        raise StrategyError(
            f"{path} defines no strategy: it needs a class that derives from tradewrit.Strategy"
        )
    if len(found) > 1:
        names = ", ".join(kind.__name__ for kind in found)
        raise StrategyError(f"{path} defines several strategies ({names}): keep one per file")
    return found[0]


def _import(path: Path) -> ModuleType:
    # A name of its own per file, so that two files called strategy.py are two modules.
    name = f"tradewrit_strategy_{derive(path.resolve(), length=12)}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise StrategyError(f"{path} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as raised:  # a user's file may raise anything while it is imported
        del sys.modules[name]
        line = _line_in(raised, path)
        raise StrategyError(f"{path}{line}: {type(raised).__name__}: {raised}") from raised
    return module


def _line_in(raised: BaseException, path: Path) -> str:
    if isinstance(raised, SyntaxError):
        return f":{raised.lineno}"
    trace, line = raised.__traceback__, ""
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).resolve() == path.resolve():
            line = f":{trace.tb_lineno}"
        trace = trace.tb_next
    return line
