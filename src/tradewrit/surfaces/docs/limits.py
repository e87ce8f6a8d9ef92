"""docs/reference/limits.md: the limit profiles, and exactly when each limit refuses a trade."""

import ast
import inspect
from collections.abc import Iterator
from typing import Final

import msgspec

from tradewrit.config.meanings import MEANINGS
from tradewrit.domain.limits import PROFILES, Limits
from tradewrit.risk import limits as rules
from tradewrit.surfaces.docs.markdown import code, table, value_text

_INTRODUCTION: Final = """\
# Limits

The risk officer holds every entry against all of these, every time, and a refusal (`risk.limit.exceeded`)
names each one that is broken, with both numbers. Bounds are inclusive: at most the maximum, at least the
minimum. Two are said otherwise: reward over risk must be *greater* than its minimum, and entries are blocked
*from* the drawdown limit on. Exits and stops are never held against anything.

## Profiles

A profile is chosen by name (`risk.profile`); any of its numbers can be set anew beside it, see
[configuration](configuration.md). Fractions are of equity and lie in 0..1; `null` switches a limit off.

"""
_REFUSALS: Final = """
## When a trade is refused

In the order in which a refusal lists them. Prices, quantities and costs are those of the decision; a gap at
the fill is no breach. `now.equity` is cash plus open positions at their last price, without pending orders;
`left` is what the trade would leave of cash after everything that is reserved or set aside as margin; a cost
includes the fee.

"""


def limits_page() -> str:
    """The whole page, in Markdown."""
    head = ("Limit", "Meaning", *(code(name) for name in PROFILES))
    rows = (
        (
            code(field),
            MEANINGS[f"risk.{field}"],
            *(value_text(getattr(numbers, field)) for numbers in PROFILES.values()),
        )
        for field in (one.name for one in msgspec.structs.fields(Limits))
        if field != "profile"
    )
    return (
        _INTRODUCTION
        + table(head, rows)
        + _REFUSALS
        + table(("Named in the refusal", "Refused when", "Says"), refusals())
    )


def refusals() -> Iterator[tuple[str, str, str]]:
    """Every breach there can be: its name, the condition as the code has it, and the sentence."""
    for node in ast.walk(ast.parse(inspect.getsource(rules))):
        match node:
            case ast.If(test=test, body=[ast.Expr(ast.Yield(ast.Call(ast.Name("_breach"), said))), *_]):
                name, _, _, why = said
                yield code(ast.literal_eval(name)), code(ast.unparse(test)), _sentence(why)
            case _:
                continue


def _sentence(why: ast.expr) -> str:
    """The message; what is filled in stands in braces."""
    parts = why.values if isinstance(why, ast.JoinedStr) else [why]
    return "".join(
        f"{{{ast.unparse(part.value)}}}" if isinstance(part, ast.FormattedValue) else ast.literal_eval(part)
        for part in parts
    )
