"""Numbers as people write them, read from their text: exact, decimal, and of a size that can be traded."""

import re
from decimal import Decimal
from typing import Final

from tradewrit.domain.money import EXACT, canonical

_NUMBER: Final = re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]{1,4})?")
_WHOLE: Final = re.compile(r"[-+]?[0-9][0-9_]*")
# Together within the 34 digits of our arithmetic.
_MOST_DIGITS: Final = 15
_MOST_WHOLE_DIGITS: Final = 18


def is_number(text: str) -> bool:
    """Whether `text` is a number in decimal notation; hex, octal, 1:30, inf and nan are not."""
    return _NUMBER.fullmatch(text) is not None


def is_whole(text: str) -> bool:
    """Whether `text` is a whole number in decimal notation."""
    return _WHOLE.fullmatch(text) is not None


def exact(text: str) -> Decimal:
    """The amount that `text` names, in its canonical spelling; never by way of a float.

    Raises ValueError when it is no number, or needs more than 15 digits on either side of the point.

    >>> exact("0.1"), exact("1e3")
    (Decimal('0.10'), Decimal('1000.00'))
    """
    if not is_number(text):
        raise ValueError("must be a number such as 250 or 0.5")
    amount = Decimal(text.replace("_", ""))
    exponent = amount.normalize(EXACT).as_tuple().exponent if amount else 0
    if amount.adjusted() >= _MOST_DIGITS or not isinstance(exponent, int) or exponent < -_MOST_DIGITS:
        raise ValueError(f"must have at most {_MOST_DIGITS} digits before and after the point")
    return canonical(amount)


def whole(text: str) -> int:
    """The whole number that `text` names.

    Raises ValueError when it is none, or has more than 18 digits.
    """
    if not is_whole(text):
        raise ValueError("must be a whole number such as 5")
    digits = text.replace("_", "")
    if len(digits.lstrip("+-0")) > _MOST_WHOLE_DIGITS:
        raise ValueError(f"must have at most {_MOST_WHOLE_DIGITS} digits")
    return int(digits)
