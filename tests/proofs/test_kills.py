"""A desk that is killed at any moment doubles nothing, loses nothing and leaves nothing naked.

Two kills here; `make proof` has a score, `make prove` hundreds. What is audited after them is then told in
other words, one lie at a time: an audit that never finds anything proves nothing.
"""

import sys
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.proofs.kills.audit import Account, Venue, audit
from tests.proofs.kills.storm import Storm, Tally
from tradewrit.domain.events.account import TradingHalted
from tradewrit.domain.events.orders import Exec, OrderRequested
from tradewrit.domain.orders import Role

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a desk's door is a Unix socket")

Views = tuple[Tally, Venue, Account]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Views]:
    """A desk that was killed twice and has come to rest, as both sides tell it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADEWRIT_HOME", str(tmp_path_factory.mktemp("home")))
        with Storm(3, "test", tmp_path_factory.mktemp("storm")) as storm:
            tally = storm.run(2)
            storm.trade_until_filled()
            status = storm.status()
            assert status is not None
            yield tally, storm.venue(), storm.account(status)


def test_a_desk_that_is_killed_while_it_trades_comes_back_and_everything_agrees(seen: Views) -> None:
    tally, venue, account = seen
    assert (tally.kills, tally.audits) == (2, 2)
    assert tally.entries
    assert tally.fills
    assert audit(venue, account) == []


def a_second_order(venue: Venue, account: Account) -> tuple[Venue, Account]:
    number, report = next(one for one in venue.reports if one[1].kind is Exec.NEW)
    return replace(venue, reports=(*venue.reports, (number, replace(report, exec_id="again")))), account


def an_order_without_an_intent(venue: Venue, account: Account) -> tuple[Venue, Account]:
    number, report = next(one for one in venue.reports if one[1].kind is Exec.NEW)
    return replace(venue, reports=((number, replace(report, client_order_id="who")),)), account


def an_intent_without_an_outcome(venue: Venue, account: Account) -> tuple[Venue, Account]:
    intent = next(event for event in account.events if type(event) is OrderRequested)
    forgotten = replace(intent, terms=replace(intent.terms, client_order_id="gone", trade_id="other"))
    return venue, replace(account, events=(*account.events, forgotten))


def a_fill_that_was_never_heard(venue: Venue, account: Account) -> tuple[Venue, Account]:
    fill = replace(venue.executions[0], exec_id="unheard")
    return replace(venue, executions=(*venue.executions, fill)), account


def a_cent_too_much(venue: Venue, account: Account) -> tuple[Venue, Account]:
    return replace(venue, cash=venue.cash + Decimal("0.01")), account


def a_position_nobody_protects(venue: Venue, account: Account) -> tuple[Venue, Account]:
    return replace(venue, positions={"AAPL": Decimal(7)}, working=()), account


def an_exit_that_sells_too_much(venue: Venue, account: Account) -> tuple[Venue, Account]:
    intents = {e.terms.client_order_id: e.terms for e in account.events if type(e) is OrderRequested}
    closing = next(terms for terms in intents.values() if terms.role is not Role.ENTRY)
    fill = replace(venue.executions[0], client_order_id=closing.client_order_id, last_quantity=Decimal(1_000))
    return replace(venue, executions=(*venue.executions, fill)), account


def an_entry_after_the_kill_switch(venue: Venue, account: Account) -> tuple[Venue, Account]:
    events = list(account.events)
    first = next(i for i, e in enumerate(events) if type(e) is OrderRequested and e.terms.role is Role.ENTRY)
    events.insert(first, TradingHalted(at=0, trace="", actor="maria", reason="drill"))
    return venue, replace(account, events=tuple(events))


def an_entry_that_left_after_the_kill_switch(venue: Venue, account: Account) -> tuple[Venue, Account]:
    return venue, replace(account, halts=[(0, 2**62)])


def a_broken_chain(venue: Venue, account: Account) -> tuple[Venue, Account]:
    return venue, replace(account, fault="record 7 does not match")


def a_lying_snapshot(venue: Venue, account: Account) -> tuple[Venue, Account]:
    return venue, replace(account, shortcut="0" * 64)


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        (a_second_order, "DOUBLED: the venue took 2 orders"),
        (an_order_without_an_intent, "DOUBLED: the venue took order who"),
        (an_intent_without_an_outcome, "LOST: entry gone"),
        (a_fill_that_was_never_heard, "FILLS: unheard"),
        (a_cent_too_much, "CASH: "),
        (a_position_nobody_protects, "NAKED: +7 AAPL"),
        (an_exit_that_sells_too_much, "OVERSOLD: "),
        (an_entry_after_the_kill_switch, "HALTED: entry"),
        (an_entry_that_left_after_the_kill_switch, "HALTED: entry"),
        (a_broken_chain, "JOURNAL: record 7"),
        (a_lying_snapshot, "JOURNAL: folds to"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_the_audit_finds(
    lie: Callable[[Venue, Account], tuple[Venue, Account]], found: str, seen: Views
) -> None:
    _, venue, account = seen
    told = audit(*lie(venue, account))
    assert any(one.startswith(found) for one in told), told
