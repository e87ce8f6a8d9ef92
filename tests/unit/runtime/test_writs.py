"""A desk's writs: renewed in time, checked at every use, mourned aloud, and not given back by software."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.credentials.identity import AgentId
from tradewrit.domain.constraints import Constraints
from tradewrit.domain.events.account import HaltTrading
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.writs import (
    HaltRegistered,
    WritLost,
    WritReleased,
    WritRenewalFailed,
    WritRevoked,
    WritsIssued,
    WritsRenewed,
)
from tradewrit.domain.market import SECOND
from tradewrit.domain.orders import Side
from tradewrit.domain.scopes import Grant
from tradewrit.domain.writs import DESK, EXECUTOR, KEEPER, Halt, Writ
from tradewrit.errors import JournalUnwritable, PermissionDenied, TradewritError, Unreachable
from tradewrit.kernel import AGENTS
from tradewrit.runtime.kill_switch import Kill
from tradewrit.runtime.local_writs import DEFAULT_TTL_S, LocalIssuer
from tradewrit.runtime.roles import ROLE_SCOPES, Terms, roles
from tradewrit.runtime.writs import Writs

HALF = 5 * SECOND
ROLES = roles("paper", "paper", protective_ttl_s=None)
"""Every token of them lives as long as its issuer says."""
KILL = Kill(by="human:maria", reason="enough")


class Patchy(LocalIssuer):
    """An issuer that is out of reach when it is told to be. asked: how often a renewal was asked for."""

    failure: TradewritError | None = None
    asked = 0

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure

    def issue(self, role: str, terms: Terms, now: int) -> Grant:
        self._fail()
        return super().issue(role, terms, now)

    def renew(self, grant: Grant, now: int) -> Grant | None:
        self.asked += 1
        self._fail()
        return super().renew(grant, now)

    def kill(self, kill: Kill, now: int) -> None:
        self._fail()
        super().kill(kill, now)

    def answer_kill(
        self, grant: Grant, cancelled: tuple[str, ...], working: tuple[str, ...], now: int
    ) -> None:
        self._fail()
        super().answer_kill(grant, cancelled, working, now)


def started(issuer: LocalIssuer | None = None, at: int = 0) -> tuple[Writs, Patchy]:
    issuer = issuer or Patchy("desk", ttl_s=10)
    writs = Writs(issuer, ROLES)
    writs.keep(at)
    assert isinstance(issuer, Patchy)
    return writs, issuer


def kinds(events: Any) -> list[type[Event]]:
    return [type(event) for event in events]


def denial(writs: Writs, role: str, now: int) -> str:
    with pytest.raises(PermissionDenied) as raised:
        writs.live(role, now)
    return str(raised.value)


# -- who gets what


def test_every_agent_and_the_desk_itself_get_an_identity_of_their_own_at_the_start() -> None:
    (issued,) = Writs(LocalIssuer("desk", ttl_s=10), ROLES).keep(0)
    assert isinstance(issued, WritsIssued)
    assert {grant.agent for grant in issued.grants} == {DESK, *(agent.NAME for agent in AGENTS)}
    ids = [AgentId.parse(grant.agent_id) for grant in issued.grants]
    assert len({one.instance for one in ids}) == len(ids)
    assert [one.task_id for one in ids] == [grant.agent for grant in issued.grants]
    assert len({grant.id for grant in issued.grants}) == len(ids)


def test_only_two_roles_write_trades_only_one_may_enlarge_and_only_market_watch_reads_the_market() -> None:
    writers = {role for role, scopes in ROLE_SCOPES.items() if "write:trades:*" in scopes}
    readers = {role for role, scopes in ROLE_SCOPES.items() if "read:market:*" in scopes}
    assert (writers, readers) == ({EXECUTOR, KEEPER}, {"market_watch"})
    terms = roles("live", "alpaca", executor=Constraints(sides=(Side.BUY,)))
    assert terms[KEEPER].constraints == Constraints(reduce_only=True, modes=("live",), venues=("alpaca",))
    assert terms[EXECUTOR].constraints == Constraints(sides=(Side.BUY,), modes=("live",), venues=("alpaca",))
    assert [role for role, one in terms.items() if one.is_protective] == [KEEPER]


def test_a_desk_that_knows_its_symbols_lets_the_executor_trade_no_other() -> None:
    scopes = roles("paper", "paper", symbols=["MSFT", "AAPL"])[EXECUTOR].scopes
    assert scopes == ("write:trades:AAPL", "write:trades:MSFT", "write:journal:executor")


@pytest.mark.parametrize("scope", ["write", "write:trades", "write::AAPL", "*:trades:AAPL", "write:*:AAPL"])
def test_a_malformed_scope_is_refused_when_the_terms_are_made(scope: str) -> None:
    with pytest.raises(ValueError, match="scope"):
        Terms(scopes=(scope,))


def test_a_role_nobody_listed_holds_nothing() -> None:
    writs, _ = started()
    assert denial(writs, "rogue", 0) == "rogue holds no writ"


def test_two_journals_name_different_identities_and_one_journal_the_same() -> None:
    first, again, other = (Writs(LocalIssuer(name), ROLES) for name in ("a", "a", "b"))
    assert first.keep(0) == again.keep(0) != other.keep(0)
    assert DEFAULT_TTL_S <= 300
    with pytest.raises(ValueError, match="at least a second"):
        LocalIssuer("desk", ttl_s=0)


# -- renewal


def test_a_writ_is_renewed_when_half_its_life_is_over_and_keeps_its_identity() -> None:
    writs, _ = started()
    first = writs.live(EXECUTOR, 0)
    assert not writs.is_due(HALF - 1)
    assert writs.is_due(HALF)
    (renewed,) = writs.keep(HALF)
    assert isinstance(renewed, WritsRenewed)
    second = writs.live(EXECUTOR, HALF)
    assert (second.agent_id, second.expires_at) == (first.agent_id, HALF + 10 * SECOND)
    assert second.id != first.id
    assert first.id in renewed.replaces
    assert not writs.is_due(HALF)


def test_a_token_that_was_renewed_is_dead_at_once() -> None:
    writs, issuer = started()
    first = writs.live(EXECUTOR, 0)
    writs.keep(HALF)
    with pytest.raises(PermissionDenied, match="dead"):
        issuer.verify(first, HALF)


@given(st.lists(st.integers(0, 40 * SECOND), min_size=1))
def test_after_looking_after_them_every_writ_has_half_its_life_to_come(steps: list[int]) -> None:
    writs, now = Writs(LocalIssuer("desk", ttl_s=10), ROLES), 0
    for step in steps:
        now += step
        if writs.is_due(now):
            writs.keep(now)
        for role in ROLE_SCOPES:
            grant = writs.live(role, now)
            assert grant.issued_at <= now <= grant.expires_at - HALF


def test_a_writ_that_lives_as_long_as_its_run_has_nothing_to_renew() -> None:
    writs = Writs(LocalIssuer("desk", ttl_s=None), ROLES)
    writs.keep(0)
    assert not writs.is_due(100 * 365 * 86_400 * SECOND // 2)


def test_a_second_caller_gets_nothing_while_the_first_is_at_it() -> None:
    class Nosy(Patchy):
        inner: Callable[[], Any] = staticmethod(tuple)

        def renew(self, grant: Grant, now: int) -> Grant | None:
            assert self.inner() == ()
            return super().renew(grant, now)

    issuer = Nosy("desk", ttl_s=10)
    writs, _ = started(issuer)
    issuer.inner = lambda: writs.keep(HALF)
    assert kinds(writs.keep(HALF)) == [WritsRenewed]


# -- an issuer that cannot be reached


def test_a_renewal_that_fails_is_an_alarm_once_and_the_old_token_lives_on_until_it_works_again() -> None:
    writs, issuer = started()
    held, issuer.failure = writs.live(EXECUTOR, 0), Unreachable("no route")
    failed = writs.keep(HALF)
    assert kinds(failed) == [WritRenewalFailed] * len(ROLE_SCOPES)
    assert all("credentials" in event.todo for event in failed if isinstance(event, WritRenewalFailed))
    assert writs.live(EXECUTOR, HALF) == held
    assert writs.keep(HALF + SECOND) == []
    issuer.failure = None
    (renewed,) = writs.keep(HALF + 2 * SECOND)
    assert isinstance(renewed, WritsRenewed)
    assert writs.live(EXECUTOR, HALF + 2 * SECOND).agent_id == held.agent_id


def test_it_is_asked_at_most_once_a_second() -> None:
    writs, issuer = started()
    issuer.failure = Unreachable("no route")
    for tenth in range(20):
        writs.keep(HALF + tenth * SECOND // 10)
    assert issuer.asked == 2 * len(ROLE_SCOPES)


def test_an_outage_beyond_the_end_is_told_and_then_a_new_identity_takes_over() -> None:
    writs, issuer = started()
    held, issuer.failure = writs.live(EXECUTOR, 0), Unreachable("no route")
    writs.keep(HALF)
    lost = writs.keep(10 * SECOND)
    assert kinds(lost) == [WritLost] * len(ROLE_SCOPES)
    assert "no route" in denial(writs, EXECUTOR, 10 * SECOND) or "expired" in denial(
        writs, EXECUTOR, 10 * SECOND
    )
    assert writs.keep(11 * SECOND) == []
    issuer.failure = None
    (issued,) = writs.keep(12 * SECOND)
    assert isinstance(issued, WritsIssued)
    assert writs.live(EXECUTOR, 12 * SECOND).agent_id != held.agent_id


def test_a_clock_that_jumps_beyond_the_end_is_such_an_outage() -> None:
    writs, _ = started()
    said = writs.keep(3_600 * SECOND)
    assert kinds(said) == [*[WritLost] * len(ROLE_SCOPES), WritsIssued]


def test_an_issuer_that_cannot_be_reached_at_the_start_is_told_and_tried_again() -> None:
    issuer = Patchy("desk", ttl_s=10)
    issuer.failure = Unreachable("no route")
    writs, _ = started(issuer)
    assert "no route" in denial(writs, EXECUTOR, 0)
    issuer.failure = None
    assert kinds(writs.keep(SECOND)) == [WritsIssued]


# -- what is taken away


def test_a_revoked_writ_is_dead_before_anybody_looked_after_it_and_never_had_anew_by_software() -> None:
    writs, issuer = started()
    issuer.revoke(EXECUTOR)
    assert "revoked" in denial(writs, EXECUTOR, 0)
    assert writs.is_due(0)
    (revoked,) = writs.keep(0)
    assert isinstance(revoked, WritRevoked)
    assert (revoked.agent, "resume" in revoked.todo) == (EXECUTOR, True)
    for now in (HALF, 20 * SECOND, 40 * SECOND):
        writs.keep(now)
        assert "revoked" in denial(writs, EXECUTOR, now)
        assert writs.live(KEEPER, now).agent == KEEPER
    writs.rearm("human:maria", 40 * SECOND)
    assert kinds(writs.keep(40 * SECOND)) == [WritsIssued]
    assert writs.live(EXECUTOR, 40 * SECOND).agent == EXECUTOR


def test_what_was_revoked_while_it_could_not_be_renewed_is_not_registered_anew() -> None:
    writs, issuer = started()
    issuer.failure = Unreachable("no route")
    writs.keep(HALF)
    issuer.revoke(EXECUTOR)
    issuer.failure = None
    said = writs.keep(20 * SECOND)
    assert [event.agent for event in said if isinstance(event, WritRevoked)] == [EXECUTOR]
    assert "revoked" in denial(writs, EXECUTOR, 20 * SECOND)


def test_a_revocation_in_the_books_outlives_the_process() -> None:
    writs, issuer = started()
    gone = writs.live(EXECUTOR, 0)
    again = Writs(issuer, ROLES)
    again.begin({EXECUTOR: Writ(gone, "taken away", is_revoked=True)}, "")
    again.keep(0)
    assert "taken away" in denial(again, EXECUTOR, 0)
    assert again.live("reviewer", 0).agent == "reviewer"


# -- the kill switch


def test_the_kill_switch_spares_the_protective_writ_and_nothing_else() -> None:
    writs, _ = started()
    writs.kill(KILL, 0)
    for role in ROLE_SCOPES.keys() - {KEEPER}:
        assert "kill switch" in denial(writs, role, 0)
    assert writs.live(KEEPER, 0).is_protective
    assert kinds(writs.keep(0)) == [HaltRegistered, *[WritRevoked] * (len(ROLE_SCOPES) - 1)]
    assert kinds(writs.keep(HALF)) == [WritsRenewed]
    assert writs.live(KEEPER, HALF).agent == KEEPER


ALL = Kill(by="human:maria", reason="all of it", including_protection=True, grace_s=4)


def test_including_protection_the_keeper_keeps_its_writ_to_cancel_entries_and_for_no_longer() -> None:
    writs, issuer = started()
    writs.kill(KILL, 0)
    writs.kill(ALL, 0)
    assert writs.is_winding_down(0)
    writs.keep(0)
    for now in (0, 4 * SECOND - 1):
        assert writs.live(KEEPER, now).agent == KEEPER
    assert "kill switch" in denial(writs, KEEPER, 4 * SECOND)
    assert not writs.is_winding_down(4 * SECOND)
    assert writs.is_due(4 * SECOND)
    assert kinds(writs.keep(4 * SECOND)) == [WritRevoked]
    assert issuer.answers == []


def test_the_keepers_writ_is_over_when_the_issuer_was_told_that_no_entry_works() -> None:
    writs, issuer = started()
    writs.kill(ALL, 0)
    issuer.failure = JournalUnwritable("disk full")
    writs.answer_kill((), ("one",), 0)
    issuer.failure = None
    for _ in range(2):
        writs.answer_kill(("zero",), ("one",), 0)
    assert writs.live(KEEPER, 0).agent == KEEPER
    writs.answer_kill(("zero", "one"), (), SECOND)
    assert issuer.answers == [(("zero",), ("one",)), (("zero", "one"), ())]
    assert "kill switch" in denial(writs, KEEPER, SECOND)
    assert KEEPER in {event.agent for event in writs.keep(SECOND) if isinstance(event, WritRevoked)}


def test_a_keepers_writ_is_not_renewed_while_protection_ends() -> None:
    writs, _ = started()
    writs.keep(HALF - SECOND)
    writs.kill(ALL, HALF - SECOND)
    writs.keep(HALF - SECOND)
    assert not writs.keep(HALF)
    assert writs.live(KEEPER, HALF).agent == KEEPER


def test_put_back_elsewhere_in_time_the_keeper_goes_on_and_the_desk_stays_halted() -> None:
    writs, issuer = started()
    writs.kill(ALL, 0)
    writs.keep(0)
    issuer.rearm("admin:jonas", SECOND)
    writs.keep(SECOND)
    assert writs.live(KEEPER, 4 * SECOND).agent == KEEPER
    assert "kill switch" in denial(writs, EXECUTOR, 4 * SECOND)
    assert kinds(writs.keep(HALF)) == [WritsRenewed]


def test_a_halt_that_the_authority_never_heard_of_is_told_after_a_restart() -> None:
    issuer = Patchy("desk", ttl_s=10)
    issuer.failure = JournalUnwritable("disk full")
    writs = Writs(issuer, ROLES)
    writs.begin({}, "all of it", Halt("human:maria", "all of it", including_protection=True), 0)
    writs.keep(0)
    assert issuer.killed() is None
    issuer.failure = None
    said = writs.keep(SECOND)
    killed = issuer.killed()
    assert killed is not None
    assert (killed.by, killed.including_protection) == ("human:maria", True)
    assert HaltRegistered(at=SECOND, including_protection=True) in said


def test_a_halt_that_the_authority_knew_of_is_not_told_again() -> None:
    """Somebody has put the authority's switch back meanwhile, for the other desks too."""
    issuer = Patchy("desk", ttl_s=10)
    writs = Writs(issuer, ROLES)
    writs.begin({}, "enough", None, 0)
    writs.keep(0)
    assert issuer.killed() is None


def test_a_switch_thrown_elsewhere_halts_the_desk_when_it_is_noticed() -> None:
    writs, issuer = started()
    issuer.kill(KILL, 0)
    assert "revoked" in denial(writs, EXECUTOR, 0)
    assert writs.is_due(0)
    said = writs.keep(0)
    assert said[0] == HaltTrading(at=0, actor="human:maria", reason="enough")
    assert kinds(said[1:]) == [HaltRegistered, *[WritRevoked] * (len(ROLE_SCOPES) - 1)]


def test_a_switch_the_issuer_cannot_be_told_of_holds_here_and_is_told_later() -> None:
    writs, issuer = started()
    issuer.failure = JournalUnwritable("disk full")
    writs.kill(KILL, 0)
    assert "kill switch" in denial(writs, EXECUTOR, 0)
    assert issuer.killed() is None
    issuer.failure = None
    writs.keep(SECOND)
    assert issuer.killed() == KILL


def test_a_halted_desk_starts_with_nothing_but_protection_whatever_the_issuer_says() -> None:
    writs = Writs(LocalIssuer("desk"), ROLES)
    writs.begin({}, "stop everything")
    (issued,) = writs.keep(0)
    assert isinstance(issued, WritsIssued)
    assert [grant.agent for grant in issued.grants] == [KEEPER]
    writs.rearm("human:maria", 0)
    writs.keep(0)
    assert writs.live(EXECUTOR, 0).agent == EXECUTOR


# -- the end


def test_everything_is_released_once_however_often_it_is_asked() -> None:
    writs, _ = started()
    assert kinds(writs.release(0)) == [WritReleased] * len(ROLE_SCOPES)
    assert writs.release(0) == []
    assert "stopped" in denial(writs, EXECUTOR, 0)
    assert writs.keep(20 * SECOND) == []


@given(st.integers(0, 30 * SECOND), st.booleans())
def test_releasing_is_harmless_on_any_token_at_any_time(now: int, renewed: bool) -> None:
    writs, issuer = started()
    first = writs.live(EXECUTOR, 0)
    if renewed:
        writs.keep(HALF)
    issuer.release(first, now)
    issuer.release(first, now)
    if renewed:
        assert writs.live(EXECUTOR, HALF).agent == EXECUTOR


def test_a_writ_that_the_desk_withholds_is_kept_and_renewed_and_nobody_acts_under_it() -> None:
    writs, _ = started()
    held = writs.live(EXECUTOR, 1)
    writs.withhold(EXECUTOR, "prices are stale")
    with pytest.raises(PermissionDenied, match="executor: its writ is withheld for now: prices are stale"):
        writs.live(EXECUTOR, 1)
    assert writs.live(KEEPER, 1).agent == KEEPER
    later = HALF
    assert kinds(writs.keep(later)) == [WritsRenewed]
    writs.withhold(EXECUTOR, "")
    renewed = writs.live(EXECUTOR, later)
    assert (renewed.agent_id, renewed.id == held.id) == (held.agent_id, False)
