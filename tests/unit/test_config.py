"""Configuration: what is read, what is refused and where, and that it can be written back."""

import textwrap
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.config.describing import describe, settings
from tradewrit.config.environment import RESERVED, variable
from tradewrit.config.loading import load, read
from tradewrit.config.meanings import MEANINGS, SECTIONS
from tradewrit.config.page import configuration_page
from tradewrit.config.places import config_file, data_folder, journal_file
from tradewrit.config.tree import (
    AccountConfig,
    Config,
    DataConfig,
    ExitsConfig,
    JournalConfig,
    PaperConfig,
    StrategyConfig,
)
from tradewrit.config.writs import AuthorityConfig, EntriesConfig, WritsConfig
from tradewrit.domain.fees import BpsFee, FixedFee, PerShareFee
from tradewrit.domain.instruments import AssetClass, Instrument
from tradewrit.domain.limits import PROFILES, Limits
from tradewrit.domain.reviews import PolicyKind, ReviewPolicy
from tradewrit.errors import ConfigError

ROOT = Path(__file__).parents[2]
Desk = Callable[[str], Path]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Writes desk.yaml and gives its path."""

    def write(text: str) -> Path:
        path = tmp_path / "desk.yaml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write


def mistakes(path: Path | None, env: dict[str, str] | None = None) -> list[str]:
    """Every problem as a person reads it, with the folder of the file left out."""
    found = read(path, env or {}).problems
    folder = "" if path is None else f"{path.parent}/"
    return [str(problem).replace(folder, "") if folder else str(problem) for problem in found]


# What is read


def test_no_file_and_no_environment_are_the_defaults() -> None:
    assert load(None, {}) == Config()


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing yet\n", "---\n", "\ufeff", "account:\nrisk:\n"])
def test_a_file_that_sets_nothing_is_the_defaults(desk: Desk, text: str) -> None:
    assert load(desk(text), {}) == Config()


def test_every_section_is_read(desk: Desk) -> None:
    config = load(
        desk("""
            mode: backtest
            account: {name: research-1, currency: USDT, type: cash, initial_cash: 2_500.50}
            strategy: {name: mine.py, parameters: {window: 20, factor: 0.1, venue: 'ON', is_fast: yes, note: ~}}
            entry: limit
            review: {kind: require_above, above: 500, approvers: 2, expires_after_s: 60, max_drift_bps: 5}
            paper:
              fees: {type: per_share, per_unit: 0.01}
              limit_fills: through
              participation_fraction: .25
              settlement_days: 2
              sessions: true
              reject_fraction: 0.05
            instruments:
              - {symbol: BTCUSDT, currency: USDT, asset_class: crypto, tick: "0.01", lot: 0.00001}
            journal: {path: /var/desk.sqlite, synchronous: normal}
            writs: {ttl_s: 60}
            seed: 7
        """),
        {},
    )
    assert config == Config(
        mode="backtest",
        account=AccountConfig(
            name="research-1", currency="USDT", type="cash", initial_cash=Decimal("2500.5")
        ),
        strategy=StrategyConfig(
            name="mine.py",
            parameters={
                "window": 20,
                "factor": Decimal("0.1"),
                "venue": "ON",
                "is_fast": True,
                "note": None,
            },
        ),
        entry="limit",
        review=ReviewPolicy(
            kind=PolicyKind.REQUIRE_ABOVE,
            above=Decimal(500),
            approvers=2,
            expires_after_s=60,
            max_drift_bps=Decimal(5),
        ),
        paper=PaperConfig(
            fees=PerShareFee(per_unit=Decimal("0.01")),
            limit_fills="through",
            participation_fraction=Decimal("0.25"),
            settlement_days=2,
            sessions=True,
            reject_fraction=Decimal("0.05"),
        ),
        instruments=(
            Instrument(
                symbol="BTCUSDT", currency="USDT", asset_class=AssetClass.CRYPTO, lot=Decimal("0.00001")
            ),
        ),
        journal=JournalConfig(path="/var/desk.sqlite", synchronous="normal"),
        writs=WritsConfig(ttl_s=60),
        seed=7,
    )
    assert type(config.strategy.parameters["window"]) is int
    assert type(config.review.kind) is PolicyKind


@given(units=st.integers(0, 10**15 - 1), places=st.integers(0, 15), is_quoted=st.booleans())
def test_a_number_is_exact_from_its_text(units: int, places: int, is_quoted: bool) -> None:
    amount = Decimal(units).scaleb(-places)
    text = format(amount, "f")
    env = {"TRADEWRIT_PAPER__FEES": f"{{type: fixed, amount: {repr(text) if is_quoted else text}}}"}
    assert load(None, env).paper.fees == FixedFee(amount)


def test_a_number_no_float_can_hold_stays_as_it_is(desk: Desk) -> None:
    config = load(desk("account: {initial_cash: 123456789012345.123456789012345}"), {})
    assert str(config.account.initial_cash) == "123456789012345.123456789012345"


def test_equal_amounts_are_spelt_alike_whoever_wrote_them(desk: Desk) -> None:
    written = load(desk("risk: {max_position_notional: 1000.000, min_cash_fraction: 5e-1}"), {})
    assert str(written.risk.max_position_notional) == str(Limits().max_position_notional)
    assert str(written.risk.min_cash_fraction) == str(Limits().min_cash_fraction)
    one, other = (load(desk(f"risk: {{max_leverage: {text}}}"), {}) for text in ("2", "2.000"))
    assert str(one.risk.max_leverage) == str(other.risk.max_leverage)


@pytest.mark.parametrize("symbol", ["ON", "NO", "TRUE", "005930", "1e5", "2024-01-02", "12:30"])
def test_a_symbol_is_its_text_whatever_yaml_makes_of_it(desk: Desk, symbol: str) -> None:
    config = load(desk(f"risk: {{allowed_symbols: [{symbol}]}}\ninstruments: [{{symbol: {symbol}}}]"), {})
    assert config.instruments[0].symbol == symbol
    assert config.risk.allowed_symbols == frozenset({symbol})


def test_a_profile_gives_its_numbers_and_single_ones_override_it(desk: Desk) -> None:
    config = load(desk("risk: {max_leverage: 2, profile: research}"), {})
    assert config.risk.max_leverage == 2
    assert config.risk.max_position_notional is None
    assert config.risk.profile == "research"
    assert load(desk("risk: {profile: demo_large}"), {}).risk == PROFILES["demo_large"]


def test_an_anchor_is_shared_but_an_override_of_one_place_is_not(desk: Desk) -> None:
    path = desk("""
        instruments:
          - &a {symbol: AAPL, tick: &t 0.05}
          - {symbol: IBM, tick: *t}
    """)
    assert [one.tick for one in load(path, {}).instruments] == [Decimal("0.05"), Decimal("0.05")]
    fees = desk("strategy: {parameters: &p {window: 5}}\naccount: *p")
    assert mistakes(fees, {"TRADEWRIT_ACCOUNT__NAME": "x"}) == [
        "desk.yaml:1: account.window: unknown key; known here: name, currency, type or initial_cash"
    ]


# What is refused, and where


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed: 1\nacount: {}", "desk.yaml:2: acount: unknown key; did you mean account?"),
        (
            "risk:\n  max_leverge: 2",
            "desk.yaml:2: risk.max_leverge: unknown key; did you mean max_leverage?",
        ),
        (
            "initial_cash: 5",
            "desk.yaml:1: initial_cash: unknown key; did you mean account.initial_cash?",
        ),
        ("paper: {fees: {tpye: fixed}}", "desk.yaml:1: paper.fees.tpye: unknown key; did you mean type?"),
        ("account.name: me", "desk.yaml:1: account.name: unknown key; nest it: account: {name: ...}"),
        (
            "writs:\n  qqq: 5",
            (
                "desk.yaml:2: writs.qqq: unknown key; known here: ttl_s, protective_ttl_s, kill_grace_s, issuer, "
                "trust_domain, authority or executor"
            ),
        ),
        (
            "writs: {ttl_s: 600, protective_ttl_s: 300}",
            (
                "desk.yaml:1: writs.protective_ttl_s: must be no shorter than ttl_s (600), not 300: "
                "what protects a position must outlive what opens one"
            ),
        ),
        (
            "writs: {kill_grace_s: 3601}",
            "desk.yaml:1: writs.kill_grace_s: must be at least 0 and at most 3600, not 3601",
        ),
        (
            "paper:\n  fees: {type: fixed,\n   rate_bps: 5}",
            "desk.yaml:3: paper.fees.rate_bps: has a meaning only with type: bps; known here: type or amount",
        ),
        ("seed: 1\nseed: 2", "desk.yaml:2: seed: is set twice; the first is at desk.yaml:1"),
        (
            "mode: Live",
            "desk.yaml:1: mode: must be backtest, live or paper, not 'Live'; did you mean live?",
        ),
        (
            "review: {kind: four_eye}",
            (
                "desk.yaml:1: review.kind: must be automatic, require, require_above or four_eyes, not 'four_eye'; "
                "did you mean four_eyes?"
            ),
        ),
        (
            "risk: {profile: defualt}",
            (
                "desk.yaml:1: risk.profile: must be default, demo_large or research, not 'defualt'; "
                "did you mean default?"
            ),
        ),
        ("seed: 1.5", "desk.yaml:1: seed: must be a whole number such as 5, not '1.5'"),
        ("seed: 0x10", "desk.yaml:1: seed: must be a whole number such as 5, not '0x10'"),
        (
            "seed: 1234567890123456789",
            "desk.yaml:1: seed: must have at most 18 digits, not '1234567890123456789'",
        ),
        ("seed: -1", "desk.yaml:1: seed: must not be negative: -1"),
        ("seed:", "desk.yaml:1: seed: needs a value: whole number"),
        ("seed: [1]", "desk.yaml:1: seed: must be a single value, not a list"),
        (
            "account: {initial_cash: lots}",
            "desk.yaml:1: account.initial_cash: must be a number such as 250 or 0.5, not 'lots'",
        ),
        (
            "account: {initial_cash: .inf}",
            "desk.yaml:1: account.initial_cash: must be a number such as 250 or 0.5, not '.inf'",
        ),
        (
            "account: {initial_cash: 1:30}",
            "desk.yaml:1: account.initial_cash: must be a number such as 250 or 0.5, not '1:30'",
        ),
        (
            "account: {initial_cash: 1e999}",
            (
                "desk.yaml:1: account.initial_cash: must have at most 15 digits before and after the point, "
                "not '1e999'"
            ),
        ),
        ("account:\n  initial_cash: 0", "desk.yaml:2: account.initial_cash: must be positive, not 0.00"),
        (
            "account: {name: a/b}",
            "desk.yaml:1: account.name: must be 1 to 64 letters, digits, dots, dashes or underscores, not 'a/b'",
        ),
        (
            "account: {currency: usd}",
            "desk.yaml:1: account.currency: must be a code such as USD or USDT, not 'usd'",
        ),
        ("account: [1]", "desk.yaml:1: account: must be a section with keys below it, not a list"),
        ("account: {? [a] : 1}", "desk.yaml:1: account: a key must be one word, not a list"),
        (
            "strategy: {name: ' '}",
            (
                "desk.yaml:1: strategy.name: must be text in printable characters, not empty and with no space at "
                "either end"
            ),
        ),
        (
            "strategy: {name: !!binary aGk=}",
            "desk.yaml:1: strategy.name: the YAML tag tag:yaml.org,2002:binary has no meaning here; leave it out",
        ),
        (
            "strategy:\n  parameters:\n    deep: {a: 1}",
            "desk.yaml:3: strategy.parameters.deep: must be a single value, not a section",
        ),
        (
            "strategy: {parameters: {a: 0x1F}}",
            "desk.yaml:1: strategy.parameters.a: must be a number such as 250 or 0.5; put text in quotes",
        ),
        ("allow_live_orders: 1", "desk.yaml:1: allow_live_orders: must be true or false, not '1'"),
        ("allow_live_orders: 'true'", "desk.yaml:1: allow_live_orders: must be true or false, not 'true'"),
        (
            "risk: {\n max_leverage: 0.5}",
            "desk.yaml:2: risk.max_leverage: must lie between 1 and 1000, not 0.50",
        ),
        ("risk: {allowed_symbols: AAPL}", "desk.yaml:1: risk.allowed_symbols: must be a list, not 'AAPL'"),
        (
            "review:\n  kind: require_above",
            "desk.yaml:2: review: the policy require_above needs `above`, an amount",
        ),
        (
            "paper: {fees: {type: free}}",
            "desk.yaml:1: paper.fees.type: must be bps, per_share or fixed, not 'free'",
        ),
        ("paper: {fees: 5}", "desk.yaml:1: paper.fees: must be a section with keys below it, not '5'"),
        (
            "paper: {slippage_bps: 10000}",
            "desk.yaml:1: paper.slippage_bps: must be below 10000 (all of it), not 10000.00",
        ),
        (
            "paper: {reject_fraction: 1.5}",
            "desk.yaml:1: paper.reject_fraction: must be from 0 to 1, not 1.50",
        ),
        (
            "paper: {participation_fraction: 1.01}",
            "desk.yaml:1: paper.participation_fraction: must be above 0 and at most 1, not 1.01",
        ),
        (
            "paper: {participation_fraction: 0.1, market_fills: quote}",
            (
                "desk.yaml:1: paper.participation_fraction: is a share of what is still to trade, and "
                "market_fills: quote fills when a bar has traded; use next_open, or leave out one"
            ),
        ),
        (
            "paper: {market_fills: closing}",
            (
                "desk.yaml:1: paper.market_fills: must be close, next_open or quote, not 'closing'; "
                "did you mean close?"
            ),
        ),
        (
            "paper: {settlement_days: 31}",
            "desk.yaml:1: paper.settlement_days: must be at most 30, not 31",
        ),
        ("writs: {ttl_s: 0}", "desk.yaml:1: writs.ttl_s: must be at least 1 and at most 86400, not 0"),
        (
            "writs:\n  executor:\n    hours: [at noon]",
            (
                "desk.yaml:3: writs.executor.hours: 'at noon' are not HH:MM-HH:MM ZONE, "
                "e.g. 09:30-15:30 America/New_York; add ` daily` to count Saturdays and Sundays"
            ),
        ),
        (
            "writs:\n  executor:\n    hours: [09:30-15:30 America/Gotham]",
            "desk.yaml:3: writs.executor.hours: 'America/Gotham' is no IANA time zone, such as America/New_York",
        ),
        (
            "writs: {executor: {sides: [byu]}}",
            "desk.yaml:1: writs.executor.sides[0]: must be buy or sell, not 'byu'; did you mean buy?",
        ),
        (
            "writs: {executor: {max_quantity: -1}}",
            "desk.yaml:1: writs.executor.max_quantity: must not be negative: -1",
        ),
        ("instruments: {symbol: A}", "desk.yaml:1: instruments: must be a list, not a section"),
        ("instruments:\n- symbol: A\n- tick: 1", "desk.yaml:3: instruments[1]: needs symbol as well"),
        (
            "instruments:\n- symbol: A\n  lot: 0",
            "desk.yaml:3: instruments[0].lot: A: lot must be a positive number, not 0.00",
        ),
        (
            "instruments:\n- symbol: A\n- symbol: B\n- symbol: A",
            "desk.yaml:4: instruments[2].symbol: A is defined twice",
        ),
        ("- mode: paper", "desk.yaml:1: must be a section with keys below it, not a list"),
        ("paper", "desk.yaml:1: must be a section with keys below it, not 'paper'"),
    ],
)
def test_a_mistake_is_named_with_its_file_line_and_key(desk: Desk, text: str, told: str) -> None:
    assert mistakes(desk(text)) == [told]


def test_every_mistake_is_named_from_the_top_of_the_file(desk: Desk) -> None:
    found = mistakes(desk("seed: x\nmode: y\nentri: market\naccount:\n  nam: 1\nseed: 2\n"))
    assert [one.partition(": ")[0] for one in found] == [f"desk.yaml:{line}" for line in (1, 2, 3, 5, 6)]


def test_load_raises_what_read_found_and_cuts_a_long_list(desk: Desk) -> None:
    path = desk("".join(f"key{n}: 1\n" for n in range(20)))
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    lines = str(caught.value).splitlines()
    assert lines[:12] == [str(problem) for problem in read(path, {}).problems[:12]]
    assert lines[12:] == ["and 8 more"]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("account: {name: x\nseed: 1\n", "desk.yaml:2:5", "not valid YAML: "),
        ("account:\n\tname: x\n", "desk.yaml:2:1", "cannot start any token"),
        ("a: b: c\n", "desk.yaml:1:5", "mapping values are not allowed here"),
        ("seed: *nowhere\n", "desk.yaml:1:7", "undefined alias"),
        ("seed: 1\n---\nseed: 2\n", "desk.yaml:2:1", "single document"),
        ("seed: 'open\n", "desk.yaml:2:1", "quoted scalar"),
        ("mode: paper\nseed: \x07\n", "desk.yaml:2", "a control character (U+0007)"),
        ("[" * 5000, "desk.yaml", "nested too deeply"),
    ],
)
def test_what_is_no_yaml_is_named_with_line_and_column(desk: Desk, text: str, where: str, what: str) -> None:
    [told] = mistakes(desk(text))
    assert told.startswith(f"{where}: ")
    assert what in told


def test_a_list_that_contains_itself_is_refused(desk: Desk) -> None:
    assert mistakes(desk("instruments: &a [*a]")) == [
        "desk.yaml:1: instruments[0]: must be a section with keys below it, not a list"
    ]


def test_a_tag_in_a_file_makes_no_object(desk: Desk) -> None:
    [told] = mistakes(desk("strategy: {name: !!python/object/apply:os.getcwd []}"))
    assert told == "desk.yaml:1: strategy.name: must be a single value, not a list"


# Files that are none


def test_a_missing_file_a_directory_and_a_name_that_cannot_be_one_are_named(tmp_path: Path) -> None:
    assert mistakes(tmp_path / "no.yaml") == [
        "no.yaml: no such file; examples/config.example.yaml is one to start from"
    ]
    (tmp_path / "folder").mkdir()
    assert mistakes(tmp_path / "folder") == ["folder: is a directory; name the YAML file in it"]
    [told] = mistakes(tmp_path / "a\0b")
    assert "cannot be read: embedded null byte" in told


def test_an_unreadable_file_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk("seed: 1")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # the superuser may read anything
    assert mistakes(path) == ["desk.yaml: may not be read; check its permissions"]


def test_a_file_that_is_not_utf8_or_far_too_large_is_named(tmp_path: Path) -> None:
    path = tmp_path / "desk.yaml"
    path.write_bytes(b"seed: 1\nmode: p\xe4per\n")
    assert mistakes(path) == ["desk.yaml:2: not UTF-8 text; save the file as UTF-8"]
    path.write_bytes(b"#" * 1_048_577)
    assert mistakes(path) == ["desk.yaml: larger than 1024 KiB; this is no configuration file"]


_EXAMPLE = (ROOT / "examples/config.example.yaml").read_text(encoding="utf-8")
_PIECES = st.sampled_from(
    [*_EXAMPLE.split(), *"{}[],:#&*!|>'\"%@`-?~", "\n", "\n  ", "\t", "<<", "---", "!!x"]
)


@given(pieces=st.lists(_PIECES | st.text(max_size=3), max_size=25), at=st.integers(0, len(_EXAMPLE)))
def test_whatever_a_file_holds_is_read_or_refused_with_a_reason(
    effective_file: Path, pieces: list[str], at: int
) -> None:
    text = _EXAMPLE[:at] + " ".join(pieces) + _EXAMPLE[at:]
    effective_file.write_text(text, encoding="utf-8")
    reading = read(effective_file, {})
    assert (reading.config is None) == bool(reading.problems)
    assert all(
        problem.place.startswith(str(effective_file)) and problem.message for problem in reading.problems
    )


# The environment


def test_the_environment_is_laid_on_top_of_the_file(desk: Desk) -> None:
    path = desk("account: {name: a, initial_cash: 5}\nstrategy: {parameters: {Window: 5, other: 1}}")
    config = load(
        path,
        {
            "TRADEWRIT_ACCOUNT__INITIAL_CASH": "50000",
            "tradewrit_seed": "9",
            "TRADEWRIT_STRATEGY__PARAMETERS__WINDOW": "20",
            "TRADEWRIT_RISK__ALLOWED_SYMBOLS": "[AAPL, ON]",
            "TRADEWRIT_INSTRUMENTS": "[{symbol: ON, tick: 0.05}]",
            "TRADEWRIT_PAPER__FEES": "{type: fixed}",
            "TRADEWRIT_PAPER__FEES__AMOUNT": "2",
            "TRADEWRIT_ENTRY": "",
            "OTHER": "ignored",
        },
    )
    assert config.account == AccountConfig(name="a", initial_cash=Decimal(50_000))
    assert config.seed == 9
    assert config.strategy.parameters == {"Window": 20, "other": 1}
    assert config.risk.allowed_symbols == frozenset({"AAPL", "ON"})
    assert config.instruments == (Instrument(symbol="ON", tick=Decimal("0.05")),)
    assert config.paper.fees == FixedFee(Decimal(2))
    assert config.entry == "market"


@pytest.mark.parametrize("text", ["C:\\desks\\a: b.sqlite", "@work", "#1", "a {b}", "'quoted'", "é"])
def test_text_from_the_environment_needs_no_yaml_quoting(text: str) -> None:
    assert load(None, {"TRADEWRIT_JOURNAL__PATH": text}).journal.path == text


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("TRADEWRIT_MOED", "paper", "moed: unknown key; did you mean TRADEWRIT_MODE?"),
        ("TRADEWRIT_HOEM", "/tmp", "hoem: unknown key; did you mean TRADEWRIT_HOME?"),
        (
            "TRADEWRIT_ACCOUNT_INITIAL_CASH",
            "5",
            "account_initial_cash: unknown key; did you mean TRADEWRIT_ACCOUNT__INITIAL_CASH?",
        ),
        (
            "TRADEWRIT_ACCOUNT__CURENCY",
            "USD",
            "account.curency: unknown key; did you mean TRADEWRIT_ACCOUNT__CURRENCY?",
        ),
        (
            "TRADEWRIT_WRITS__QQQ",
            "1",
            (
                "writs.qqq: unknown key; known here: TRADEWRIT_WRITS__TTL_S, "
                "TRADEWRIT_WRITS__PROTECTIVE_TTL_S, TRADEWRIT_WRITS__KILL_GRACE_S, TRADEWRIT_WRITS__ISSUER, "
                "TRADEWRIT_WRITS__TRUST_DOMAIN, TRADEWRIT_WRITS__AUTHORITY or TRADEWRIT_WRITS__EXECUTOR"
            ),
        ),
        ("TRADEWRIT_SEED", "many", "seed: must be a whole number such as 5, not 'many'"),
        ("TRADEWRIT_SEED__DEEP", "1", "seed: must be a single value, not a section"),
        ("TRADEWRIT_ALLOW_LIVE_ORDERS", "1", "allow_live_orders: must be true or false, not '1'"),
        ("TRADEWRIT_ACCOUNT", "rich", "account: must be a section with keys below it, not 'rich'"),
        (
            "TRADEWRIT_INSTRUMENTS__0__TICK",
            "1",
            "instruments: must be a list, not a section",
        ),
    ],
)
def test_a_mistake_in_the_environment_is_named_with_its_variable(name: str, value: str, told: str) -> None:
    assert mistakes(None, {name: value}) == [f"environment variable {name}: {told}"]


def test_broken_yaml_in_a_variable_is_named_without_a_line(desk: Desk) -> None:
    [told] = mistakes(None, {"TRADEWRIT_INSTRUMENTS": "[{symbol: A"})
    assert told.startswith("environment variable TRADEWRIT_INSTRUMENTS: not valid YAML: ")
    [told] = mistakes(desk("seed: 5"), {"TRADEWRIT_SEED__DEEP": "1"})
    assert told == (
        "environment variable TRADEWRIT_SEED__DEEP: seed: is '5', not a section: set TRADEWRIT_SEED itself"
    )


def test_two_spellings_of_one_variable_are_refused() -> None:
    [told] = mistakes(None, {"TRADEWRIT_SEED": "1", "tradewrit_seed": "2"})
    assert told == "environment variable tradewrit_seed: seed: is set by TRADEWRIT_SEED as well; keep one"


def test_reserved_variables_are_no_keys() -> None:
    assert load(None, dict.fromkeys(RESERVED, "/somewhere")) == Config()


# Real money


def test_live_mode_alone_is_refused_with_an_explanation(desk: Desk) -> None:
    assert mistakes(desk("seed: 1\nmode: live")) == [
        "desk.yaml:2: mode: live trades real money and needs allow_live_orders: true as well; set both, or use paper"
    ]
    [told] = mistakes(None, {"TRADEWRIT_MODE": "live"})
    assert told.startswith("environment variable TRADEWRIT_MODE: mode: live trades real money")
    assert load(desk("mode: live\nallow_live_orders: true"), {}).mode == "live"


def test_no_config_can_be_built_for_live_orders_without_the_flag() -> None:
    with pytest.raises(ValueError, match="allow_live_orders"):
        Config(mode="live")


def test_a_live_journal_waits_for_the_disk(desk: Desk) -> None:
    path = desk("mode: live\nallow_live_orders: true\njournal:\n  synchronous: normal")
    assert mistakes(path) == [
        "desk.yaml:4: journal.synchronous: must be full in live mode: an order follows its record"
    ]


# Writing it back

_AMOUNTS = st.decimals(0, 10**9, allow_nan=False, places=6)
_FRACTIONS = st.decimals(0, 1, allow_nan=False, places=4)
_TEXT = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12) | st.sampled_from(
    ["my strategies/a b.py", "null", "~", "ON", "005930", "# 1", "a: b"]
)
_SCALARS = st.one_of(
    st.text(max_size=12),
    st.text("\n\t\r :#'\"-\x85\u2028\ufeff", max_size=5),
    st.sampled_from(["1e3", "0x1F", "1:30", "null", "~", "yes", "2024-01-02", ".5", "=", "<<", "1_000"]),
    st.integers(-(10**17), 10**17),
    st.decimals(-(10**9), 10**9, allow_nan=False, places=5),
    st.booleans(),
    st.none(),
)
_NAMES = st.from_regex(r"[a-z]{1,3}x[a-z0-9_]{0,5}", fullmatch=True)
_FEES = st.one_of(
    st.builds(BpsFee, _AMOUNTS),
    st.builds(PerShareFee, _AMOUNTS, _AMOUNTS, st.none() | _FRACTIONS),
    st.builds(FixedFee, _AMOUNTS),
)
_INSTRUMENTS = st.builds(
    Instrument,
    symbol=_TEXT,
    currency=st.sampled_from(["USD", "EUR"]),
    asset_class=st.sampled_from(AssetClass),
    tick=st.decimals("0.0001", 100, allow_nan=False, places=4),
    minimum_notional=_AMOUNTS,
    is_shortable=st.booleans(),
)
_LIMITS = st.builds(
    Limits,
    profile=st.sampled_from(sorted(PROFILES)),
    max_position_notional=st.none() | _AMOUNTS,
    min_cash_fraction=_FRACTIONS,
    max_open_positions=st.none() | st.integers(0, 50),
    allow_short=st.booleans(),
    allowed_symbols=st.none() | st.frozensets(_TEXT, max_size=3),
)
_REVIEWS = st.builds(
    ReviewPolicy,
    kind=st.sampled_from(PolicyKind),
    above=_AMOUNTS,
    approvers=st.integers(1, 5),
    max_drift_bps=_AMOUNTS,
)
CONFIGS = st.builds(
    Config,
    mode=st.sampled_from(["backtest", "paper", "live"]),
    allow_live_orders=st.just(value=True),
    account=st.builds(
        AccountConfig,
        name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
        type=st.sampled_from(["cash", "margin"]),
        initial_cash=st.decimals("0.01", 10**9, allow_nan=False, places=2),
    ),
    strategy=st.builds(StrategyConfig, name=_TEXT, parameters=st.dictionaries(_NAMES, _SCALARS, max_size=4)),
    entry=st.sampled_from(["market", "limit"]),
    exits=st.builds(ExitsConfig, before_session_end_minutes=st.none() | st.integers(0, 1439)),
    data=st.builds(DataConfig, calendar=st.sampled_from([None, "NYSE", "NASDAQ", "24/7"])),
    risk=_LIMITS,
    review=_REVIEWS,
    paper=st.builds(
        PaperConfig,
        fees=_FEES,
        slippage_bps=st.decimals(0, 9999, allow_nan=False, places=2),
        limit_fills=st.sampled_from(["touch", "through"]),
        participation_fraction=st.none() | st.decimals("0.001", 1, allow_nan=False, places=3),
        settlement_days=st.integers(0, 30),
        sessions=st.booleans(),
        reject_fraction=_FRACTIONS,
    ),
    instruments=st.lists(_INSTRUMENTS, max_size=3, unique_by=lambda one: one.symbol).map(tuple),
    journal=st.builds(JournalConfig, path=st.none() | _TEXT),
    writs=st.builds(
        WritsConfig,
        ttl_s=st.integers(1, 86_400),
        issuer=st.none() | _TEXT,
        trust_domain=st.sampled_from(["agentwrit.local", "desk-1.example"]),
        authority=st.builds(
            AuthorityConfig,
            url=st.sampled_from([None, "http://127.0.0.1:8080", "https://writs.example"]),
            client_id=st.none() | _TEXT,
            sealed_as=_NAMES,
            poll_s=st.integers(1, 60),
            needs_proof=st.booleans(),
            certificates=st.none() | _TEXT,
        ),
        executor=st.builds(
            EntriesConfig,
            sides=st.sampled_from([None, (), ("buy",), ("buy", "sell")]),
            max_quantity=st.none() | _AMOUNTS,
            max_day_orders=st.none() | st.integers(0, 9),
            hours=st.sampled_from([(), ("09:30-15:30 America/New_York",)]),
        ),
    ),
    seed=st.integers(0, 10**18 - 1),
)


@pytest.fixture(scope="session")
def effective_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file, written anew by each example."""
    return tmp_path_factory.mktemp("config") / "effective.yaml"


@given(config=CONFIGS)
def test_what_is_written_reads_back_to_the_same(effective_file: Path, config: Config) -> None:
    effective_file.write_text(config.to_yaml(), encoding="utf-8")
    again = load(effective_file, {})
    assert again == config
    kinds = {name: type(value) for name, value in config.strategy.parameters.items()}
    assert {name: type(value) for name, value in again.strategy.parameters.items()} == kinds
    assert again.to_yaml() == config.to_yaml()


@given(config=CONFIGS)
def test_every_written_key_can_come_from_the_environment_instead(config: Config) -> None:
    data = yaml.load(config.to_yaml(), Loader=yaml.BaseLoader)  # makes text of everything
    env = {
        variable(f"{section}.{key}"): value
        for section in ("account", "review")
        for key, value in data[section].items()
    }
    again = load(None, env)
    assert (again.account, again.review) == (config.account, config.review)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("{url: 'ftp://x'}", "'ftp://x' is no address of an authority"),
        ("{url: 'http://writs.example'}", "over plain HTTP others could read the secrets"),
        ("{url: 'https://maria:secret@writs.example'}", "no user name or password"),
        ("{poll_s: 0}", "poll_s: must be at least 1 and at most 60"),
        ("{needs_proof: true, plain_protocol: true}", "beyond the plain protocol"),
        ("{client_secret: abc}", "client_secret"),
    ],
)
def test_an_authority_that_cannot_be_meant_is_refused(desk: Desk, keys: str, said: str) -> None:
    (mistake,) = mistakes(desk(f"writs:\n  authority: {keys}\n"))
    assert mistake.startswith("desk.yaml:2: writs.authority")
    assert said in mistake
    assert "abc" not in mistake


def test_secrets_are_masked_and_their_names_are_kept(desk: Desk) -> None:
    path = desk("strategy: {parameters: {alpaca_api_key: AKIA123, Password: 55, window: 20, token: ~}}")
    config = load(path, {})
    written = config.to_yaml()
    assert "AKIA123" not in written
    assert "55" not in written
    assert yaml.safe_load(written)["strategy"]["parameters"] == {
        "alpaca_api_key": "***",
        "Password": "***",
        "window": 20,
        "token": None,
    }
    assert "AKIA123" not in str(settings(config, read(path, {}).places))


@pytest.mark.parametrize(
    "text",
    [
        "alpaca_secret: hunter2",
        "strategy: {parameters: {api_key: [hunter2]}}",
        "strategy: {parameters: {api_key: !x hunter2}}",
        "strategy: {parameters: {api_key: 'a', api_key: hunter2}}",
        "strategy: {parameters: {api_key: hunter2}",
    ],
)
def test_no_mistake_repeats_a_secret(desk: Desk, text: str) -> None:
    told = mistakes(desk(text))
    assert told
    assert "hunter2" not in "".join(told)


# Where things come from, and where they lie


def test_each_setting_knows_who_set_it(desk: Desk) -> None:
    path = desk("account:\n  name: a\nrisk: {max_leverage: 2}\ninstruments: [{symbol: A}]")
    reading = read(path, {"TRADEWRIT_RISK__ALLOW_SHORT": "false"})
    assert reading.config is not None
    places = {one.key: (one.value, one.place) for one in settings(reading.config, reading.places)}
    assert places["account.name"] == ("a", f"{path}:2")
    assert places["risk.max_leverage"] == ("2", f"{path}:3")
    assert places["risk.allow_short"] == ("false", "environment variable TRADEWRIT_RISK__ALLOW_SHORT")
    assert places["risk.stop_fraction"] == ("0.05", "default")
    assert places["instruments[0].symbol"] == ("A", f"{path}:4")


def test_the_data_folder_is_where_the_platform_keeps_data() -> None:
    home = {"HOME": "/home/maria"}
    assert data_folder(home, "linux") == Path("/home/maria/.local/share/tradewrit")
    assert data_folder({**home, "XDG_DATA_HOME": "/data"}, "linux") == Path("/data/tradewrit")
    assert data_folder({**home, "XDG_DATA_HOME": "data"}, "linux") == Path(
        "/home/maria/.local/share/tradewrit"
    )
    assert data_folder(home, "darwin") == Path("/home/maria/Library/Application Support/tradewrit")
    assert data_folder({"USERPROFILE": "/u"}, "win32") == Path("/u/AppData/Local/tradewrit")
    assert data_folder({"LOCALAPPDATA": "/local"}, "win32") == Path("/local/tradewrit")
    assert data_folder({**home, "TRADEWRIT_HOME": "/desk"}, "win32") == Path("/desk")


def test_paper_and_live_never_share_a_journal() -> None:
    env = {"TRADEWRIT_HOME": "/desk"}
    live = Config(mode="live", allow_live_orders=True)
    assert journal_file(Config(), env) == Path("/desk/journals/paper-paper.sqlite")
    assert journal_file(live, env) == Path("/desk/journals/live-paper.sqlite")
    assert journal_file(Config(mode="backtest"), env) is None
    assert journal_file(Config(mode="backtest", journal=JournalConfig(path="a.sqlite")), env) == Path(
        "a.sqlite"
    )


def test_the_variable_names_the_configuration_file() -> None:
    assert config_file({}) is None
    assert config_file({"TRADEWRIT_CONFIG": "desk.yaml"}) == Path("desk.yaml")
    with pytest.raises(ConfigError, match="no such user's home"):
        config_file({"TRADEWRIT_CONFIG": "~nobody-of-that-name/desk.yaml"})


# What is told about it


def test_every_key_has_a_meaning_and_every_meaning_a_key() -> None:
    rows = describe()
    assert [row.key for row in rows] == list(dict.fromkeys(row.key for row in rows))
    assert {row.key for row in rows} == MEANINGS.keys()
    assert {row.key.partition(".")[0].removesuffix("[]") for row in rows if "." in row.key} == (
        SECTIONS.keys() - {""}
    )


def test_a_described_default_is_what_an_empty_file_gives() -> None:
    config = read(None, {}).config
    assert config is not None
    current = {one.key: one.value for one in settings(config, {})}
    told = {row.key: row.default for row in describe() if row.key in current}
    assert told == {key: value for key, value in current.items() if key != "instruments"}


def test_the_described_variable_sets_its_key() -> None:
    by_key = {row.key: row for row in describe()}
    assert by_key["paper.fees.rate_bps"].variable == "TRADEWRIT_PAPER__FEES__RATE_BPS"
    assert load(None, {by_key["paper.fees.rate_bps"].variable: "5"}).paper.fees == BpsFee(Decimal(5))
    assert by_key["paper.fees.per_unit"].only_with == "type: per_share"
    assert by_key["instruments[].symbol"].default == ""


def test_the_reference_page_is_fresh() -> None:
    page = (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8")
    assert page == configuration_page(), (
        "write configuration_page() of tradewrit.config.page to docs/reference/configuration.md"
    )


def test_the_example_is_the_default_where_it_does_not_say_otherwise() -> None:
    path = ROOT / "examples/config.example.yaml"
    config = load(path, {})
    expected = Config(
        risk=Limits(allowed_symbols=frozenset({"AAPL", "IBM"})),
        instruments=(
            Instrument(symbol="AAPL"),
            Instrument(symbol="IBM", minimum_notional=Decimal(1), is_shortable=False),
        ),
    )
    assert config == expected
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert list(written) == list(Config.__struct_fields__)
