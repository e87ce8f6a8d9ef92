"""What `tradewrit doctor` says of connections: the exchange's key, its clock, an authority elsewhere. P-4."""

import json
from pathlib import Path

import pytest

from tests.unit.brokers.http.exchanges import KEY, SETTINGS, bar, running
from tests.unit.credentials.http.servers import process
from tests.unit.surfaces.console import run
from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.brokers.paper.http.venue import Venue
from tradewrit.config.tree import Config
from tradewrit.config.writs import AuthorityConfig
from tradewrit.domain.market import MINUTE, SECOND
from tradewrit.domain.venues import VenueIdentity
from tradewrit.runtime.clock import ManualClock, SystemClock
from tradewrit.runtime.live.venue_clock import VenueClock
from tradewrit.runtime.secret import Secret
from tradewrit.surfaces.cli import connections


def test_a_key_that_is_not_taken_is_told_with_what_to_do() -> None:
    with running() as world:
        for key, ok in ((None, False), (Secret("exchange_key", "wrong"), False), (KEY, True)):
            client = ExchangeClient(world.server.url, key)
            check, identity = connections.exchange(client, world.server.url, SystemClock())
            assert check.ok is ok, check
            assert (identity is not None) is ok
            assert ok or "--key-env" in check.advice
            client.close()


def test_an_address_at_which_nothing_listens_is_told_with_what_to_do() -> None:
    client = ExchangeClient("http://127.0.0.1:9", timeout_s=1.0)
    check, identity = connections.exchange(client, "http://127.0.0.1:9", SystemClock())
    assert (check.ok, identity) == (False, None)
    assert "tradewrit exchange serve" in check.advice


@pytest.mark.parametrize(("ahead_s", "ok"), [(0, True), (1, True), (5, False), (-5, False)])
def test_clocks_that_are_apart_are_told_in_seconds(ahead_s: int, ok: bool) -> None:
    clock = ManualClock(1_700_000_000 * SECOND)
    heard = VenueClock(clock, clock.now() - MINUTE)
    heard.hear(clock.now() - ahead_s * SECOND, is_fresh=True)
    check = connections.skew(heard, clock.now(), clock)
    assert check.ok is ok
    assert f"{ahead_s:+.3f} s against" in check.found
    assert ok or "NTP" in check.advice


def test_a_journal_of_another_exchange_is_told(tmp_path: Path) -> None:
    other = VenueIdentity(venue="paper", exchange="b2", account="main")
    check = connections.journal(tmp_path / "none.sqlite", Config(), other)
    assert check.ok, "there is none yet, and that is no harm"
    (tmp_path / "broken.sqlite").write_text("no journal")
    check = connections.journal(tmp_path / "broken.sqlite", Config(), other)
    assert not check.ok


def test_an_authority_elsewhere_is_asked_whether_it_takes_the_secret(tmp_path: Path) -> None:
    clock = SystemClock()
    with process(tmp_path / "home") as served:
        there = AuthorityConfig(url=served.url, client_id=served.client_id)
        for secret, ok in ((served.client_secret, True), ("0" * 64, False)):
            check = connections.authority(there, lambda name, text=secret: Secret(name, text), clock)  # type: ignore[misc]
            assert check.ok is ok, check
            assert secret not in check.found + check.advice
            assert ok or "tradewrit secrets set" in check.advice
        check = connections.authority(there, None, clock)
        assert check.ok
        assert "answers in" in check.found
        assert "--passphrase-file" in check.found, "how it would be looked at"
    check = connections.authority(there, None, clock)
    assert not check.ok


def test_without_anything_named_nothing_is_connected_to() -> None:
    names = [check["name"] for check in json.loads(run("doctor", "--json").stdout)["checks"]]
    assert not {"exchange", "prices", "clock", "journal", "authority"} & set(names)


def test_prices_that_will_not_come_any_more_are_told() -> None:
    with running(Venue(SETTINGS, "v1")) as world:
        world.client.show_bars([bar(1, 50.0)])
        prices, clock = connections.prices(world.client, SystemClock())
        assert prices.ok
        assert "the stream answers in" in prices.found
        assert clock.found.startswith("the exchange plays 1970-01-01")
