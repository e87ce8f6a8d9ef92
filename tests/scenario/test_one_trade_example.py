"""examples/one_trade.py is read first by whoever comes here: it runs, and says what it promises."""

import pytest

from examples import one_trade
from tests.scenario.test_golden_trade import STEPS
from tradewrit.domain.events.registry import name_of


def test_the_example_tells_the_golden_trade_event_by_event(capsys: pytest.CaptureFixture[str]) -> None:
    one_trade.main()
    *lines, earned, verified, replayed = capsys.readouterr().out.splitlines()
    told = [tuple(line.split()[1:]) for line in lines]
    assert told[0] == ("desk", "account.journal.opened")
    assert told[1] == ("authority", "credential.writs.issued")
    said = [line for line in told[1:] if line[0] != "authority"]
    assert said == [(source, name_of(kind)) for source, kind in STEPS]
    assert [int(line.split()[0]) for line in lines] == list(range(1, len(lines) + 1))
    assert earned == "earned 131.60 before 1.8866 of fees; cash 100129.7134"
    assert verified == f"journal of {len(lines)} records intact: True"
    assert replayed == "replayed to the same books: True"
