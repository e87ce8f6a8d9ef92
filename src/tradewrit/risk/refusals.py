"""What the venue's refusal of an entry leads to: patience, and after several of a kind a person.

Both engines ask here. A refusal while a cool-down lasts says nothing new: it was on its way before.
"""

from tradewrit.domain.books import Books
from tradewrit.domain.cooldowns import EVERYWHERE, scope_of
from tradewrit.domain.events.risk import CooldownBegan, CooldownEnded
from tradewrit.domain.market import SECOND
from tradewrit.domain.rejections import UNSENT


def cooldown(books: Books, symbol: str, code: str, reason: str, at: int) -> CooldownBegan | None:
    """The cool-down that begins with the refusal of an entry; None where none does.

    code, reason: the venue's. What never left the desk was not refused by a venue.
    """
    limits, scope = books.limits, scope_of(symbol, code)
    known = books.cooldowns.get(scope)
    if code in UNSENT or (known is not None and not known.is_over(at)):
        return None
    since = at - limits.refusal_window_s * SECOND
    alike = sum(one.code == code and one.at > since for one in known.refusals) if known else 0
    is_final = limits.max_refusals is not None and alike + 1 >= limits.max_refusals
    if not (is_final or limits.refusal_cooldown_s or limits.max_refusals):
        return None
    return CooldownBegan(
        at=at,
        symbol=scope,
        code=code,
        refusals=alike + 1,
        until=None if is_final else at + limits.refusal_cooldown_s * SECOND,
        reason=reason,
    )


def warmed(books: Books, scope: str, at: int, actor: str, reason: str) -> tuple[CooldownEnded, ...]:
    """What a person's word that entries may be tried again ends; nothing where nothing cools down."""
    known = books.cooldowns.get(scope)
    if known is None or known.is_over(at):
        return ()
    return (CooldownEnded(at=at, symbol=scope, actor=actor, reason=reason),)


def why_cooling(books: Books, symbol: str, at: int) -> str:
    """Why no entry may be tried in a symbol now; "" when one may."""
    for scope in (EVERYWHERE, symbol):
        known = books.cooldowns.get(scope)
        if known is not None and not known.is_over(at):
            return known.reason
    return ""
