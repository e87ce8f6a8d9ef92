"""`tradewrit exchange halt|resume|executions|correct|bust`: what people of an exchange do, to a paper one."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tradewrit.domain.times import iso
from tradewrit.surfaces.cli.live_options import KeyEnv, key_from, reaching
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text, example

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewrit.brokers.paper.http.client import ExchangeClient
    from tradewrit.domain.events.orders import ExecutionReport

Url = Annotated[str, typer.Option("--url", metavar="URL", help="Address of the exchange server.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Told to whoever trades there.")]
ExecId = Annotated[
    str,
    typer.Argument(metavar="EXEC_ID", help="As `exchange executions` and the server's log say."),
]
Symbol = Annotated[str, typer.Argument(metavar="SYMBOL", help="Which.")]

DEFAULT_URL: Final = "http://127.0.0.1:8090"


def register(group: typer.Typer) -> None:
    """Add them to the commands of the exchange."""
    group.command("halt", epilog=example('tradewrit exchange halt AAPL --reason "LULD pause"'))(_halt)
    group.command("resume", epilog=example("tradewrit exchange resume AAPL"))(_resume)
    group.command("executions", epilog=example("tradewrit exchange executions --json"))(_executions)
    group.command(
        "correct", epilog=example("tradewrit exchange correct paper:17 --price 171.20 --quantity 3")
    )(_correct)
    group.command("bust", epilog=example('tradewrit exchange bust paper:17 --reason "clearly erroneous"'))(
        _bust
    )


def _halt(
    symbol: Symbol,
    reason: Reason = "halted by hand",
    url: Url = DEFAULT_URL,
    key_env: KeyEnv = None,
    as_json: Json = False,
) -> None:
    """Halt a symbol: its orders rest, and nothing of it trades until `resume`."""
    with _exchange(url, key_env) as exchange:
        exchange.halt(symbol, reason)
    if as_json:
        emit_json({"symbol": symbol, "is_halted": True, "reason": reason})
        return
    emit_text(f"{symbol} is halted: {reason}")


def _resume(symbol: Symbol, url: Url = DEFAULT_URL, key_env: KeyEnv = None, as_json: Json = False) -> None:
    """Let a halted symbol trade again, with its next price."""
    with _exchange(url, key_env) as exchange:
        exchange.resume(symbol)
    if as_json:
        emit_json({"symbol": symbol, "is_halted": False})
        return
    emit_text(f"{symbol} trades again with its next price")


def _executions(url: Url = DEFAULT_URL, key_env: KeyEnv = None, as_json: Json = False) -> None:
    """List what has traded there, with its corrections, oldest first."""
    with _exchange(url, key_env) as exchange:
        found = exchange.executions(0)
    if as_json:
        emit_json({"executions": found})
        return
    columns = ("time", "exec id", "kind", "symbol", "side", "quantity at price", "corrects")
    emit_table(columns, list(map(_row, found)))


def _correct(
    exec_id: ExecId,
    quantity: Annotated[
        str | None, typer.Option(metavar="N", help="What it was for; at most what was reported.")
    ] = None,
    price: Annotated[str | None, typer.Option(metavar="PRICE", help="At what it traded.")] = None,
    reason: Reason = "corrected by hand",
    url: Url = DEFAULT_URL,
    key_env: KeyEnv = None,
    as_json: Json = False,
) -> None:
    """Correct an execution: the account is as if it had come so from the first."""
    if quantity is None and price is None:
        raise typer.BadParameter("give --quantity, --price or both; `bust` takes it back whole")
    amounts = _amount(quantity, "--quantity"), _amount(price, "--price")
    with _exchange(url, key_env) as exchange:
        reports = exchange.correct(exec_id, quantity=amounts[0], price=amounts[1], reason=reason)
    _tell(reports, as_json=as_json)


def _bust(
    exec_id: ExecId,
    reason: Reason = "busted by hand",
    url: Url = DEFAULT_URL,
    key_env: KeyEnv = None,
    as_json: Json = False,
) -> None:
    """Take an execution back: it never was."""
    with _exchange(url, key_env) as exchange:
        reports = exchange.correct(exec_id, quantity=Decimal(0), price=None, reason=reason)
    _tell(reports, as_json=as_json)


def _tell(reports: "Sequence[ExecutionReport]", *, as_json: bool) -> None:
    if as_json:
        emit_json({"reports": reports})
        return
    for report in reports:
        emit_text(f"{report.exec_id} {report.kind.value} {report.client_order_id}: {_traded(report)}")


def _row(one: "ExecutionReport") -> tuple[str, ...]:
    side = "" if one.side is None else one.side.value
    return iso(one.at), one.exec_id, one.kind.value, one.symbol, side, _traded(one), one.corrects


def _traded(report: "ExecutionReport") -> str:
    return f"{report.last_quantity:f} at {report.last_price:f}" if report.last_price else report.reason


def _amount(text: str | None, option: str) -> Decimal | None:
    if text is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is no number", param_hint=option) from None


@contextmanager
def _exchange(url: str, key_env: str | None) -> "Iterator[ExchangeClient]":
    from tradewrit.brokers.paper.http.client import ExchangeClient

    exchange = ExchangeClient(url, key_from(key_env))
    try:
        with reaching("--url"):
            yield exchange
    finally:
        exchange.close()
