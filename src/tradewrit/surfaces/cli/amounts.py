"""Numbers that people type: exact, and refused as wrong use where they cannot be meant."""

from decimal import Decimal, InvalidOperation

import typer


def amount(where: str, text: str, *, least_is_zero: bool = False, below: Decimal | None = None) -> Decimal:
    """A finite number above 0, or from 0 on. where: the option or argument it stands in.

    Raises BadParameter for anything else.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    is_enough = number.is_finite() and (number >= 0 if least_is_zero else number > 0)
    if not is_enough or (below is not None and number >= below):
        least = "of at least 0" if least_is_zero else "above 0"
        most = "" if below is None else f" and below {below}"
        raise typer.BadParameter(f"{text!r}: must be a number {least}{most}", param_hint=where)
    return number
