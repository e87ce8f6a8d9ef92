"""Folds of twins: orders that the venue took under an id of ours, beside ours."""

from typing import Final

from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.events import twins as tw
from tradewrit.domain.folds.base import Folds, latest, with_item
from tradewrit.domain.money import canonical_qty
from tradewrit.domain.twins import Twin

_MOST: Final = 64


def _found(books: Books, event: tw.TwinFound) -> Books:
    twin = Twin(
        client_order_id=event.client_order_id, trade_id=event.trade_id, symbol=event.symbol, at=event.at
    )
    twins = with_item(books.twins, event.broker_order_id, twin)
    return replace(books, twins=latest(twins, lambda one: one.at, _MOST))


def _changed(books: Books, name: str, twin: Twin) -> Books:
    return replace(books, twins=with_item(books.twins, name, twin))


def _filled(books: Books, event: tw.TwinFilled) -> Books:
    twin = books.twins.get(event.broker_order_id)
    if twin is None:
        return books
    filled = canonical_qty(twin.filled + event.fill.quantity)
    return _changed(books, event.broker_order_id, replace(twin, filled=filled))


def _ended(books: Books, event: tw.TwinEnded) -> Books:
    twin = books.twins.get(event.broker_order_id)
    return books if twin is None else _changed(books, event.broker_order_id, replace(twin, is_over=True))


FOLDS: Final[Folds] = {tw.TwinFound: _found, tw.TwinFilled: _filled, tw.TwinEnded: _ended}
