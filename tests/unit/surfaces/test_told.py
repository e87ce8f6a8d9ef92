"""What a running desk tells people, and what would only be noise."""

from tradewrit.domain.events.account import TradingHalted
from tradewrit.domain.events.writs import WritRevoked
from tradewrit.domain.writs import BY_THE_SWITCH
from tradewrit.surfaces.cli.told import is_told


def revoked(reason: str) -> WritRevoked:
    return WritRevoked(at=1, agent="executor", agent_id="", token_id="t", reason=reason, todo="look")


def test_a_halt_is_told_once_and_not_once_more_for_every_writ_it_ends() -> None:
    assert is_told(TradingHalted(at=1, actor="human:maria", reason="bad fills"))
    assert not is_told(revoked(BY_THE_SWITCH))
    assert is_told(revoked("token is revoked"))
