"""One proposal against one account: its size, everything frozen with it, and every limit it breaks.

Both engines and the risk officer ask here, so there is one answer.
"""

import msgspec

from tradewrit.domain.books import Books
from tradewrit.domain.events.risk import Breach
from tradewrit.domain.proposals import Proposal, Sized
from tradewrit.risk.limits import Facts, breaches
from tradewrit.risk.sizing import Size, complete, size


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """What risk makes of a proposal; it may go on when nothing is broken."""

    size: Size
    sized: Sized
    broken: tuple[Breach, ...]


def judge(books: Books, proposal: Proposal, now: Facts) -> Judgement:
    """Size it (what a person asked for is only floored to the lot), freeze it, check every limit."""
    if proposal.quantity is not None:
        fitting = Size(books.instrument(proposal.symbol).qty(proposal.quantity), "requested")
    else:
        fitting = size(books, proposal, now.equity)
    sized = complete(books, proposal, fitting.quantity)
    return Judgement(fitting, sized, breaches(books, sized, now))
