"""What can be wrong with a strategy, or with believing its result, and the report that lists it.

Judges nothing itself.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

import msgspec


class Severity(StrEnum):
    """error: the result cannot be believed. warning: look before you believe it. info: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Kind(StrEnum):
    """The biases that are looked for."""

    LOOK_AHEAD = "look_ahead"
    FORMING_BAR = "forming_bar"
    FOREKNOWLEDGE = "foreknowledge"
    READS_OUTSIDE = "reads_outside"
    HIDDEN_STATE = "hidden_state"
    CHANGES_DATA = "changes_data"
    COLUMN_MISMATCH = "column_mismatch"
    UNSTABLE_WARMUP = "unstable_warmup"
    PRICE_BLIND = "price_blind"
    TOO_FEW_TRADES = "too_few_trades"
    CHANCE = "chance"
    ONE_TRADE = "one_trade"
    ONE_SYMBOL = "one_symbol"
    ONE_MONTH = "one_month"
    ONE_PARAMETER = "one_parameter"
    NOT_CHECKED = "not_checked"


ADVICE: Final = {
    Kind.LOOK_AHEAD: "Use bars up to the one that closes only: no centred windows, no statistics of the "
    "whole column, no reversed or shifted-back arrays.",
    Kind.FORMING_BAR: "The order fills inside the next bar: decide on closed bars alone, and use .shift(n) "
    "with n >= 0 to look back.",
    Kind.FOREKNOWLEDGE: "Remove whatever knows prices without being given them: a file, a table in the "
    "code, a model trained on this period.",
    Kind.READS_OUTSIDE: "Decide on the bars that are handed in; what is read elsewhere is not there on a "
    "live bar, or comes from the future.",
    Kind.HIDDEN_STATE: "Keep nothing between bars: no globals, no class attributes that change, no random "
    "numbers, no clock. Compute it from `bars`, or write a kernel for `apply`.",
    Kind.CHANGES_DATA: "Never write into the arrays of `bars`; work on a copy.",
    Kind.COLUMN_MISMATCH: "Make the kernel's `column` give what `update` gives bar by bar, or leave "
    "`column` out.",
    Kind.UNSTABLE_WARMUP: "State the kernel's `warmup` as long as its memory lasts, use a window instead "
    "of an endless sum, and do not count bars from the start of the data.",
    Kind.PRICE_BLIND: "Fine for a calendar rule or buy-and-hold; otherwise find out what it decides on.",
    Kind.TOO_FEW_TRADES: "Test on more history or more symbols before reading anything into the result.",
    Kind.CHANCE: "Take it for no result, neither a gain nor a loss; more history may tell.",
    Kind.ONE_TRADE: "Judge the strategy without that trade; more symbols and years show whether it repeats.",
    Kind.ONE_SYMBOL: "Judge the strategy without that symbol; it may describe the symbol, not a rule.",
    Kind.ONE_MONTH: "Judge the strategy without that month; it may describe one episode.",
    Kind.ONE_PARAMETER: "Prefer a value whose neighbours do as well; a lone peak is usually fitted noise.",
    Kind.NOT_CHECKED: "Give it more data, or look at this by hand.",
}
"""What to do about each kind."""

_ORDER: Final = list(Severity)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One bias. numbers: what was measured, by name; examples: a few places in words."""

    kind: Kind
    severity: Severity
    message: str
    numbers: dict[str, Any] = {}
    examples: tuple[str, ...] = ()

    @property
    def advice(self) -> str:
        """What to do about it."""
        return ADVICE[self.kind]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "kind": self.kind.value,
            "severity": self.severity.value,
            "message": self.message,
            "advice": self.advice,
            "numbers": dict(self.numbers),
            "examples": list(self.examples),
        }


class BiasReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything found about one strategy on one set of bars, worst first.

    bars: rows over all symbols. looked_at: what each check measured, also where nothing was wrong.
    """

    strategy: str
    parameters: dict[str, Any]
    symbols: tuple[str, ...]
    bars: int
    findings: tuple[Finding, ...]
    looked_at: dict[str, dict[str, Any]]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings after which the result cannot be believed."""
        return tuple(one for one in self.findings if one.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings to look at before believing the result."""
        return tuple(one for one in self.findings if one.severity is Severity.WARNING)

    def to_dict(self) -> dict[str, Any]:
        """The object of `tradewrit check --json`."""
        return {
            "strategy": self.strategy,
            "parameters": self.parameters,
            "symbols": list(self.symbols),
            "bars": self.bars,
            "ok": not self.errors,
            "errors": len(self.errors),
            "warnings": len(self.warnings),
            "findings": [one.to_dict() for one in self.findings],
            "looked_at": self.looked_at,
        }


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors, then warnings, then infos; as found within each."""
    return tuple(sorted(findings, key=lambda one: _ORDER.index(one.severity)))
