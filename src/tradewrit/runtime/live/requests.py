"""What a person can ask of a running desk, and how it answers: what goes through its door.

No request says who asks. The system does, or a login that the authority answers for: see `people`.
"""

from typing import Literal

import msgspec

from tradewrit.domain.events.review import Edit
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Order
from tradewrit.domain.reviews import Review
from tradewrit.runtime.live.status import Status


class Request(msgspec.Struct, frozen=True, kw_only=True, tag_field="ask", forbid_unknown_fields=True):
    """What is asked. login: an operator's token, good for one request; "" for whoever the system names."""

    login: str = ""


class AskStatus(Request, frozen=True, kw_only=True, tag="status"):
    """How it stands."""


class AskOrders(Request, frozen=True, kw_only=True, tag="orders"):
    """Which orders may still trade."""


class AskHalt(Request, frozen=True, kw_only=True, tag="halt"):
    """Throw the kill switch; or, of one symbol, say that the venue has paused it."""

    reason: str
    symbol: str = ""


class AskResume(Request, frozen=True, kw_only=True, tag="resume"):
    """Put the kill switch back; or let one symbol that is suspended or paused be traded again."""

    reason: str
    symbol: str = ""


class AskFlatten(Request, frozen=True, kw_only=True, tag="flatten"):
    """Close everything, and answer when the account is flat."""

    reason: str


class AskClose(Request, frozen=True, kw_only=True, tag="close"):
    """Close what the desk's trade holds in a symbol, at market."""

    symbol: str
    reason: str


class AskStop(Request, frozen=True, kw_only=True, tag="stop"):
    """End the desk gracefully."""

    reason: str


class AskMoveStop(Request, frozen=True, kw_only=True, tag="move_stop"):
    """Move the stop of what is held in a symbol closer to the price."""

    symbol: str
    price: Price


class AskCancel(Request, frozen=True, kw_only=True, tag="cancel"):
    """Take an order back. order: its client order id."""

    order: str
    reason: str


class AskAdopt(Request, frozen=True, kw_only=True, tag="adopt"):
    """The venue is right about a symbol that is disputed.

    seen: the dispute as it was shown; an answer about another is refused. price: at which the difference was
    traded; None for the last price.
    """

    symbol: str
    seen: str
    reason: str
    price: Price | None = None


class AskBelieve(Request, frozen=True, kw_only=True, tag="believe"):
    """Prices of a symbol that are refused are real."""

    symbol: str
    reason: str


class AskReviews(Request, frozen=True, kw_only=True, tag="reviews"):
    """Which questions people were asked, decided ones of open trades too, and the status beside them."""


class AskAnswer(Request, frozen=True, kw_only=True, tag="answer"):
    """A person's answer to a question, about exactly what they saw.

    nonce: drawn once per answer, so that the same one sent twice counts once.
    """

    review_id: str
    version: int
    shown_hash: str
    decision: Literal["approve", "edit", "reject"]
    nonce: str
    edit: Edit | None = None
    reason: str = ""


AnyRequest = (
    AskStatus
    | AskOrders
    | AskHalt
    | AskResume
    | AskFlatten
    | AskClose
    | AskStop
    | AskMoveStop
    | AskCancel
    | AskAdopt
    | AskBelieve
    | AskReviews
    | AskAnswer
)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. error: why nothing did, "" otherwise. said: for people."""

    said: str = ""
    error: str = ""
    status: Status | None = None
    orders: tuple[Order, ...] = ()
    reviews: tuple[Review, ...] = ()
