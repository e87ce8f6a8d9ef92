"""Trades: the life of one idea from the first look to the last fill, as a table.

The first nine states and their names are those every trading desk knows; the others are what
reality adds: waiting for a person, a stop that could not be placed, an entry that never filled.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from tradewrit.domain.money import ZERO, Price
from tradewrit.domain.positions import Direction
from tradewrit.domain.proposals import Sized
from tradewrit.errors import InvalidTransitionError


class TradeState(StrEnum):
    """Where a trade is in its life."""

    SCANNING = "scanning"
    SETUP_DETECTED = "setup_detected"
    ENTRY_APPROVED = "entry_approved"
    ORDER_PLACED = "order_placed"
    FILLED = "filled"
    HOLDING = "holding"
    EXIT_TRIGGERED = "exit_triggered"
    ORDER_CLOSING = "order_closing"
    CLOSED = "closed"
    AWAITING_APPROVAL = "awaiting_approval"
    PROTECTING = "protecting"
    SUSPENDED = "suspended"
    REJECTED = "rejected"
    ABORTED = "aborted"
    EXPIRED = "expired"


class On(StrEnum):
    """What can happen to a trade."""

    DETECT = "detect"
    ASK = "ask"
    APPROVE = "approve"
    REFUSE = "refuse"
    PLACE = "place"
    FILL = "fill"
    PROTECT = "protect"
    LOSE_STOP = "lose_stop"
    TRIGGER = "trigger"
    SEND_EXIT = "send_exit"
    CLOSE = "close"
    ABORT = "abort"
    EXPIRE = "expire"
    SUSPEND = "suspend"
    RESUME = "resume"


_S = TradeState
TRANSITIONS: Final[Mapping[TradeState, Mapping[On, TradeState]]] = {
    _S.SCANNING: {On.DETECT: _S.SETUP_DETECTED},
    _S.SETUP_DETECTED: {
        On.APPROVE: _S.ENTRY_APPROVED,
        On.ASK: _S.AWAITING_APPROVAL,
        On.REFUSE: _S.REJECTED,
        On.ABORT: _S.ABORTED,
        On.EXPIRE: _S.EXPIRED,
    },
    _S.AWAITING_APPROVAL: {
        On.ASK: _S.AWAITING_APPROVAL,  # a modified question is asked anew
        On.APPROVE: _S.ENTRY_APPROVED,
        On.REFUSE: _S.REJECTED,
        On.ABORT: _S.ABORTED,
        On.EXPIRE: _S.EXPIRED,
    },
    _S.ENTRY_APPROVED: {
        On.PLACE: _S.ORDER_PLACED,
        On.ASK: _S.AWAITING_APPROVAL,  # the price drifted before the order: asked anew
        On.REFUSE: _S.REJECTED,  # facts changed between the approval and the order
        On.ABORT: _S.ABORTED,
        On.EXPIRE: _S.EXPIRED,
    },
    _S.ORDER_PLACED: {
        On.FILL: _S.FILLED,
        On.REFUSE: _S.REJECTED,
        On.ABORT: _S.ABORTED,
        On.EXPIRE: _S.EXPIRED,
    },
    _S.FILLED: {
        On.FILL: _S.FILLED,
        On.PROTECT: _S.HOLDING,
        On.LOSE_STOP: _S.PROTECTING,
        On.TRIGGER: _S.EXIT_TRIGGERED,  # the stop filled before its acknowledgement came
        On.SUSPEND: _S.SUSPENDED,
    },
    _S.PROTECTING: {
        On.FILL: _S.PROTECTING,
        On.PROTECT: _S.HOLDING,
        On.LOSE_STOP: _S.PROTECTING,
        On.TRIGGER: _S.EXIT_TRIGGERED,
        On.SUSPEND: _S.SUSPENDED,
    },
    _S.HOLDING: {
        On.FILL: _S.HOLDING,  # the rest of a partly filled entry
        On.PROTECT: _S.HOLDING,  # the stop moved or was resized
        On.LOSE_STOP: _S.PROTECTING,
        On.TRIGGER: _S.EXIT_TRIGGERED,
        On.SUSPEND: _S.SUSPENDED,
    },
    _S.EXIT_TRIGGERED: {
        On.SEND_EXIT: _S.ORDER_CLOSING,
        On.PROTECT: _S.HOLDING,  # the exit was given up and the stop is back
        On.SUSPEND: _S.SUSPENDED,
    },
    _S.ORDER_CLOSING: {
        On.CLOSE: _S.CLOSED,
        On.TRIGGER: _S.EXIT_TRIGGERED,  # the exit order died unfilled: once more
        On.PROTECT: _S.HOLDING,
        On.SUSPEND: _S.SUSPENDED,
    },
    _S.SUSPENDED: {
        On.RESUME: _S.HOLDING,
        On.TRIGGER: _S.EXIT_TRIGGERED,
        On.FILL: _S.SUSPENDED,  # what the venue says of its orders counts all the same
        On.PROTECT: _S.SUSPENDED,
    },
    _S.CLOSED: {},
    _S.REJECTED: {},
    _S.ABORTED: {},
    _S.EXPIRED: {},
}
TERMINAL: Final = frozenset(state for state, moves in TRANSITIONS.items() if not moves)


def advance(state: TradeState, on: On) -> TradeState:
    """The next state; raises InvalidTransitionError when the table has no such edge."""
    try:
        return TRANSITIONS[state][on]
    except KeyError:
        raise InvalidTransitionError("trade", state.value, on.value) from None


def can(state: TradeState, on: On) -> bool:
    """Whether the table has this edge."""
    return on in TRANSITIONS[state]


class Trade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One trade, from detection to the last fill.

    sized: what risk froze; None until it has. correlation: the scan that found it.
    entry_id, stop_id, target_id, exit_id: client order ids, "" while there is none.
    stop_price, target_price: anchored to the actual fill. extreme: best price since entry, for trails.
    attempts: protective and exit orders sent so far; part of the next one's id.
    stop_lapsed: its stop ended with the session, and is put back at the open.
    failures: times in a row that the position could not be protected or left.
    realised: before fees and funding. funding: received, negative when paid.
    """

    id: str
    symbol: str
    strategy: str
    direction: Direction
    state: TradeState = TradeState.SCANNING
    correlation: str = ""
    sized: Sized | None = None
    risk_id: str = ""
    entry_id: str = ""
    stop_id: str = ""
    target_id: str = ""
    exit_id: str = ""
    stop_price: Price | None = None
    target_price: Price | None = None
    extreme: Price | None = None
    opened_at: int = 0
    exit_reason: str = ""
    attempts: int = 0
    failures: int = 0
    stop_lapsed: bool = False
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
