"""The trade machine, against tables written here from the requirements and not read from the code."""

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.trades import TERMINAL, TRANSITIONS, On, TradeState, advance, can
from tradewrit.errors import InvalidTransitionError

S = TradeState

# Every legal move. First the chain of the requirements (SM-10 to SM-17), with the one trigger of each.
EDGES = """
scanning           detect     setup_detected
setup_detected     approve    entry_approved
entry_approved     place      order_placed
order_placed       fill       filled
filled             protect    holding
holding            trigger    exit_triggered
exit_triggered     send_exit  order_closing
order_closing      close      closed

setup_detected     ask        awaiting_approval
setup_detected     refuse     rejected
setup_detected     abort      aborted
setup_detected     expire     expired
awaiting_approval  ask        awaiting_approval
awaiting_approval  approve    entry_approved
awaiting_approval  refuse     rejected
awaiting_approval  abort      aborted
awaiting_approval  expire     expired
entry_approved     ask        awaiting_approval
entry_approved     refuse     rejected
entry_approved     abort      aborted
entry_approved     expire     expired
order_placed       refuse     rejected
order_placed       abort      aborted
order_placed       expire     expired

filled             fill       filled
filled             lose_stop  protecting
filled             trigger    exit_triggered
filled             suspend    suspended
protecting         fill       protecting
protecting         protect    holding
protecting         lose_stop  protecting
protecting         trigger    exit_triggered
protecting         suspend    suspended
holding            fill       holding
holding            protect    holding
holding            lose_stop  protecting
holding            suspend    suspended
exit_triggered     protect    holding
exit_triggered     suspend    suspended
order_closing      trigger    exit_triggered
order_closing      protect    holding
order_closing      suspend    suspended
suspended          resume     holding
suspended          trigger    exit_triggered
suspended          fill       suspended
suspended          protect    suspended
"""
LEGAL = {
    (S(state), On(on)): S(after) for state, on, after in (line.split() for line in EDGES.splitlines() if line)
}

# From row to column in one move, over the nine states of the source document.
# D: the document's own.  o: ours: further fills, a moved stop, a stop that filled before its
# acknowledgement, an exit that died unfilled and is tried again or given up.
PAIRS = """
                 scanning setup_detected entry_approved order_placed filled holding exit_triggered order_closing closed
scanning             .          D              .             .          .      .          .              .         .
setup_detected       .          .              D             .          .      .          .              .         .
entry_approved       .          .              .             D          .      .          .              .         .
order_placed         .          .              .             .          D      .          .              .         .
filled               .          .              .             .          o      D          o              .         .
holding              .          .              .             .          .      o          D              .         .
exit_triggered       .          .              .             .          .      o          .              D         .
order_closing        .          .              .             .          .      o          o              .         D
closed               .          .              .             .          .      .          .              .         .
"""
MATRIX = {
    (row[0], column): mark
    for head, *rows in [[line.split() for line in PAIRS.splitlines() if line.strip()]]
    for row in rows
    for column, mark in zip(head, row[1:], strict=True)
}


@pytest.mark.parametrize(("state", "on"), list(product(TradeState, On)), ids=str)
def test_every_state_and_trigger_either_moves_as_written_or_raises_naming_both(
    state: TradeState, on: On
) -> None:
    if (state, on) in LEGAL:
        assert can(state, on)
        assert advance(state, on) is LEGAL[state, on]
        return
    assert not can(state, on)
    with pytest.raises(
        InvalidTransitionError, match=f"trade: cannot transition from {state} on {on}"
    ) as raised:
        advance(state, on)
    assert (raised.value.machine, raised.value.state, raised.value.wanted) == ("trade", state, on)


@pytest.mark.parametrize(("pair", "mark"), list(MATRIX.items()), ids=str)
def test_the_nine_states_lead_to_each_other_as_the_matrix_says(pair: tuple[str, str], mark: str) -> None:
    before, after = map(TradeState, pair)
    assert (after in TRANSITIONS[before].values()) == (mark != ".")


def test_the_matrix_covers_the_nine_states_and_the_documents_eight_moves() -> None:
    nine = [state.value for state in TradeState][:9]
    assert len(MATRIX) == 81
    assert {pair for pair, mark in MATRIX.items() if mark == "D"} == set(pairwise(nine))


def test_the_nine_names_and_ours() -> None:
    assert [state.name for state in TradeState] == [
        "SCANNING", "SETUP_DETECTED", "ENTRY_APPROVED", "ORDER_PLACED", "FILLED", "HOLDING", "EXIT_TRIGGERED",
        "ORDER_CLOSING", "CLOSED",
        "AWAITING_APPROVAL", "PROTECTING", "SUSPENDED", "REJECTED", "ABORTED", "EXPIRED",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "on", "forbidden"),
    [
        (S.SCANNING, On.PLACE, S.ORDER_PLACED),  # the setup must be evaluated first
        (S.SETUP_DETECTED, On.FILL, S.FILLED),  # the order must be placed first
        (S.ORDER_PLACED, On.CLOSE, S.CLOSED),  # it must fill and be held first
    ],
)
def test_the_shortcuts_the_requirements_forbid_raise_and_no_other_trigger_takes_them(
    state: TradeState, on: On, forbidden: TradeState
) -> None:
    with pytest.raises(InvalidTransitionError) as raised:
        advance(state, on)
    assert state.value in str(raised.value)
    assert on.value in str(raised.value)
    assert forbidden not in TRANSITIONS[state].values()


def test_an_unfilled_entry_ends_aborted_not_closed() -> None:
    assert advance(S.ORDER_PLACED, On.ABORT) is S.ABORTED


def test_the_happy_path_visits_the_nine_states_in_order() -> None:
    path = [S.SCANNING]
    for on in (On.DETECT, On.APPROVE, On.PLACE, On.FILL, On.PROTECT, On.TRIGGER, On.SEND_EXIT, On.CLOSE):
        path.append(advance(path[-1], on))
    assert path == list(TradeState)[:9]


def test_an_ended_trade_stays_ended() -> None:
    assert {S.CLOSED, S.REJECTED, S.ABORTED, S.EXPIRED} == TERMINAL
    assert not any(can(state, on) for state in TERMINAL for on in On)


def test_every_state_is_reached_from_scanning_and_every_state_can_end() -> None:
    reached = {S.SCANNING}
    while more := {after for state in reached for after in TRANSITIONS[state].values()} - reached:
        reached |= more
    assert reached == set(TradeState)
    ending = set(TERMINAL)
    while more := {state for state in TradeState if ending & set(TRANSITIONS[state].values())} - ending:
        ending |= more
    assert ending == set(TradeState)


_HOLDS = {S.FILLED, S.PROTECTING, S.HOLDING, S.EXIT_TRIGGERED, S.ORDER_CLOSING, S.SUSPENDED}


@given(st.lists(st.sampled_from(On)))
def test_a_trade_that_holds_something_ends_only_by_closing(triggers: list[On]) -> None:
    path = [S.SCANNING]
    for on in triggers:
        path.append(advance(path[-1], on) if can(path[-1], on) else path[-1])
    for before, after in pairwise(path):
        assert before not in _HOLDS or after in {*_HOLDS, S.CLOSED}
        assert after is not S.CLOSED or before in {S.ORDER_CLOSING, S.CLOSED}
