"""What a human sees is what is executed: any change of it is another hash."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from msgspec.structs import replace

from tests.unit.domain.anything import a
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Side
from tradewrit.domain.positions import Direction
from tradewrit.domain.proposals import Proposal, Sized

PROPOSAL = Proposal(
    trade_id="trade-1",
    symbol="AAPL",
    side=Side.BUY,
    entry_price=Price(Decimal("175.50")),
    strategy="trend_following",
    decided_at=1,
    inputs={"rsi": 60.0, "sma20": 170.0},
)
SIZED = Sized(
    proposal=PROPOSAL,
    quantity=Decimal(5),
    stop_fraction=Decimal("0.05"),
    target_fraction=Decimal("0.15"),
    stop_price=Price(Decimal("166.72")),
    target_price=Price(Decimal("201.82")),
    cost=Decimal("878.3775"),
    reward_risk=Decimal("3.00"),
    worst_loss=Decimal("43.90"),
)


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": Decimal(6)},
        {"stop_fraction": Decimal("0.04")},
        {"target_fraction": None},
        {"stop_price": Price(Decimal("166.73"))},
        {"cost": Decimal("878.3776")},
        {"proposal": replace(PROPOSAL, symbol="TSLA")},
        {"proposal": replace(PROPOSAL, side=Side.SELL)},
        {"proposal": replace(PROPOSAL, requester="human:maria")},
    ],
    ids=str,
)
def test_whatever_is_changed_is_another_hash(change: dict[str, object]) -> None:
    assert replace(SIZED, **change).hash != SIZED.hash


@given(a(Sized))
def test_what_was_shown_has_the_same_hash_after_storage(sized: Sized) -> None:
    again = msgspec.json.decode(msgspec.json.encode(sized), type=Sized)
    assert again.hash == sized.hash
    turned = replace(sized.proposal, inputs=dict(reversed(sized.proposal.inputs.items())))
    assert replace(sized, proposal=turned).hash == sized.hash


def test_a_buy_wants_to_be_long_and_a_sale_short() -> None:
    assert PROPOSAL.direction is Direction.LONG
    assert replace(PROPOSAL, side=Side.SELL).direction is Direction.SHORT
