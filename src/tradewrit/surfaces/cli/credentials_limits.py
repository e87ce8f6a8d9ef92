"""Trading constraints on the command line: `--limit NAME=VALUE`, under the names they have in a token."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

if TYPE_CHECKING:
    from tradewrit.domain.constraints import Constraints

Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=VALUE",
        help="What may be traded, beyond the scopes; may be repeated. sides, venues, modes: lists such as "
        "buy,sell; max_quantity, max_notional: of an order; max_day_quantity, max_day_notional, "
        "max_day_orders: of a UTC day; hours: 09:30-15:30 America/New_York; reduce_only: true.",
    ),
]
_LISTS: Final = frozenset({"sides", "venues", "modes"})


def constraints_from(texts: Sequence[str] | None) -> "Constraints":
    """The constraints that the options spell; raises typer.BadParameter for the first that is wrong."""
    from tradewrit.domain.constraints import Constraints

    fields: dict[str, Any] = {}
    for text in texts or ():
        name, mark, value = text.partition("=")
        if not mark or name not in Constraints.__struct_fields__:
            raise _wrong(f"{text!r} is not NAME=VALUE with one of {', '.join(Constraints.__struct_fields__)}")
        if name in fields and name != "hours":
            raise _wrong(f"{name} is given twice")
        try:
            fields[name] = _read(name, value, fields.get(name, []))
            msgspec.convert({name: fields[name]}, Constraints, strict=False)
        except ValueError as error:
            raise _wrong(f"{text!r}: {error}") from None
    return msgspec.convert(fields, Constraints, strict=False)


def limits_in_words(constraints: "Constraints") -> str:
    """The constraints as they would be given, one after the other; `none` when there are none."""
    told = []
    for name in constraints.__struct_fields__:
        value = getattr(constraints, name)
        if value is None or value is False or value == ():
            continue
        told.append(f"{name}={', '.join(map(str, value)) if isinstance(value, tuple) else value}")
    return "; ".join(told) or "none"


def _read(name: str, value: str, before: list[Any]) -> Any:
    if name == "hours":
        from tradewrit.domain.constraints import Hours

        return sorted({*before, Hours.parse(value)})
    if name in _LISTS:
        return sorted({part.strip() for part in value.split(",") if part.strip()})
    return value


def _wrong(message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint="--limit")
