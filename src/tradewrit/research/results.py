"""What a backtest hands back: round trips, the equity curve, and how both are written down.

Knows no engine, no strategy and no picture; figures derived from a result are `research.metrics`.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from tradewrit.domain.money import EXACT, ZERO, canonical
from tradewrit.domain.sizing import Largest, Sizing
from tradewrit.domain.times import iso
from tradewrit.errors import ConfigError
from tradewrit.features.bars import Floats, Times
from tradewrit.runtime.whole_file import whole_file

if TYPE_CHECKING:
    from tradewrit.research.metrics import Metrics

TRADES_HEADER: Final = (
    "symbol",
    "side",
    "quantity",
    "entry_time",
    "entry_price",
    "exit_time",
    "exit_price",
    "exit_reason",
    "fees",
    "pnl",
)


class RoundTrip(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One lot, opened and closed: entries are matched with exits first in, first out.

    quantity: units, positive for both sides.
    entry_time, exit_time: UTC ns, the `ts` of the bar that filled: at its open, inside it or at its close.
    entry_price, exit_price: quote currency per unit.
    fees: both sides. funding: received while it was held, negative when paid. pnl: net of both. All in the
    account's currency.
    stop, target: the protection in force at the exit, for drawing; None where there was none.
    multiplier: units of the underlying per unit traded; 1 but for futures and options.
    """

    symbol: str
    side: Literal["long", "short"]
    quantity: Decimal
    entry_time: int
    entry_price: Decimal
    exit_time: int
    exit_price: Decimal
    exit_reason: str
    fees: Decimal
    pnl: Decimal
    stop: Decimal | None = None
    target: Decimal | None = None
    multiplier: Decimal = Decimal(1)
    funding: Decimal = ZERO

    @property
    def notional(self) -> Decimal:
        """Quantity at the entry price, in quote currency."""
        return self.quantity * self.multiplier * self.entry_price


class EquityCurve(msgspec.Struct, frozen=True, eq=False):
    """The account at the close of every bar time, oldest first; three columns of one length.

    ts: UTC ns, the `ts` (open time) of the bars, strictly rising.
    equity: cash and positions marked at their last close, in the account's currency.
    exposure: gross market value of the positions as a fraction of equity.
    """

    ts: Times
    equity: Floats
    exposure: Floats

    def __len__(self) -> int:
        return len(self.ts)


class Result(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One backtest. `metrics.compute` judges it, `report.write_report` draws it.

    trades: closed lots only, in the order of their exits.
    open_positions: symbols still held at the end, marked at their last close.
    final_equity, fees, funding: exact; fees and funding include those of positions still open. funding is
    what was received on balance, negative when paid.
    sizing: how large a trade was wanted.
    denied: how many entries the executor's writ kept back, by the constraints that each would have broken.
    refused: how many entries the venue did not take, by its code.
    halted: symbols in which it refused so often that none was tried any more, for nobody resumes in a
    backtest; "" for all.
    bars: rows of market data over all symbols. interval_ns: length of one bar.
    load_seconds, run_seconds: wall clock; run_cpu_seconds: process CPU, from columns in memory to
    trades and equity curve.
    """

    engine: str
    strategy: str
    parameters: dict[str, Any]
    symbols: tuple[str, ...]
    bars: int
    trades: tuple[RoundTrip, ...]
    open_positions: int
    initial_cash: Decimal
    final_equity: Decimal
    fees: Decimal
    curve: EquityCurve
    interval_ns: int
    load_seconds: float
    run_seconds: float
    run_cpu_seconds: float
    currency: str = "USD"
    sizing: Sizing = Largest()
    funding: Decimal = ZERO
    denied: Mapping[tuple[str, ...], int] = {}
    refused: Mapping[str, int] = {}
    halted: tuple[str, ...] = ()

    @property
    def denied_by(self) -> dict[str, int]:
        """How many entries each constraint of the executor's writ kept back; one entry may break several."""
        counts: Counter[str] = Counter()
        for constraints, entries in self.denied.items():
            counts.update(dict.fromkeys(constraints, entries))
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def summary(result: Result, metrics: "Metrics", notes: Sequence[str] = ()) -> dict[str, Any]:
    """The object of `tradewrit backtest --json`, keys in their documented order.

    notes: sentences a reader of the figures should know, such as why nothing traded.
    Money stays Decimal; `encode` writes it as a number with every digit.
    """
    return {
        "engine": result.engine,
        "bars": result.bars,
        "symbols": len(result.symbols),
        "trades": len(result.trades),
        "open_positions": result.open_positions,
        "initial_cash": canonical(result.initial_cash),
        "final_equity": canonical(result.final_equity),
        "fees": canonical(result.fees),
        "funding": canonical(result.funding),
        "denied": sum(result.denied.values()),
        "denied_by": result.denied_by,
        "refused": sum(result.refused.values()),
        "refused_by": dict(result.refused),
        "load_seconds": result.load_seconds,
        "run_seconds": result.run_seconds,
        "run_cpu_seconds": result.run_cpu_seconds,
        "metrics": msgspec.structs.asdict(metrics),
        "notes": list(notes),
    }


def encode(value: Any, *, indent: int = -1) -> bytes:
    """JSON in which a Decimal is a number literal with all its digits and NaN is null.

    `json.loads(text, parse_float=Decimal)` gives the exact amounts back. `indent` as in
    `msgspec.json.format`; negative means one line.

    >>> encode({"final_equity": Decimal("100131.60")})
    b'{"final_equity":100131.60}'
    """
    text = msgspec.json.Encoder(decimal_format="number").encode(value)
    return text if indent < 0 else msgspec.json.format(text, indent=indent)


def write_trades_csv(path: Path, trades: Sequence[RoundTrip]) -> None:
    """One row per round trip under `TRADES_HEADER`; the file appears whole or not at all.

    Where any of them paid or received funding, a last column `funding` says how much. Prices and money are
    plain decimals, times ISO-8601 with `Z`.
    Raises ConfigError when the file cannot be written.
    """
    write_whole(path, _csv_chunks(trades))


def write_whole(path: Path, chunks: Iterable[str]) -> None:
    """Write UTF-8 text, whole or not at all (see `whole_file`).

    Raises ConfigError when that fails; a file that was there before is then unchanged.
    """
    try:
        with whole_file(path) as file:
            file.writelines(chunk.encode() for chunk in chunks)
    except OSError as why:
        raise ConfigError(
            f"cannot write {path}: {why.strerror or why}; choose a path that can be written"
        ) from why


def _csv_chunks(trades: Sequence[RoundTrip]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    is_funded = any(trade.funding for trade in trades)
    writer.writerow((*TRADES_HEADER, "funding") if is_funded else TRADES_HEADER)
    for trade in trades:
        row = _csv_row(trade)
        writer.writerow((*row, _plain(trade.funding)) if is_funded else row)
        if buffer.tell() > 1 << 16:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _csv_row(trade: RoundTrip) -> tuple[str, ...]:
    return (
        trade.symbol,
        trade.side,
        f"{trade.quantity.normalize(EXACT):f}",
        iso(trade.entry_time),
        _plain(trade.entry_price),
        iso(trade.exit_time),
        _plain(trade.exit_price),
        trade.exit_reason,
        _plain(trade.fees),
        _plain(trade.pnl),
    )


def _plain(amount: Decimal) -> str:
    return f"{canonical(amount):f}"
