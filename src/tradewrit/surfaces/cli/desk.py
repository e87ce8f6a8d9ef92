"""What a person says to a running desk: `tradewrit status|orders|halt|resume|flatten|shutdown`."""

from typing import TYPE_CHECKING, Annotated

import typer

from tradewrit.errors import OurFault
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.desk_line import ask, told
from tradewrit.surfaces.cli.live_options import JournalFile
from tradewrit.surfaces.cli.login import As, SecretFile, login
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text, example

if TYPE_CHECKING:
    from tradewrit.domain.orders import Order
    from tradewrit.runtime.live.status import Status

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; goes on record.")]


def register(app: typer.Typer) -> None:
    """Add `tradewrit status|orders|halt|resume|flatten|shutdown`."""
    app.command(
        "status",
        epilog=example(
            "tradewrit status --journal desk.sqlite",
            "tradewrit status --journal desk.sqlite --json | jq .lines",
            "tradewrit status --journal desk.sqlite --metrics > /var/lib/node_exporter/desk.prom",
        ),
    )(_status)
    app.command("orders", epilog=example("tradewrit orders --journal desk.sqlite"))(_orders)
    app.command(
        "halt",
        epilog=example(
            'tradewrit halt --journal desk.sqlite --reason "bad fills"',
            'tradewrit halt --symbol GME --journal desk.sqlite --reason "paused by the venue (LULD)"',
        ),
    )(_halt)
    app.command(
        "resume",
        epilog=example(
            'tradewrit resume --journal desk.sqlite --reason "feed is back"',
            'tradewrit resume --symbol GME --journal desk.sqlite --reason "closed by hand, looked at"',
            'tradewrit resume --as maria --journal desk.sqlite --reason "two people have looked"',
        ),
    )(_resume)
    app.command("flatten", epilog=example("tradewrit flatten --journal desk.sqlite --yes"))(_flatten)
    app.command(
        "shutdown", epilog=example('tradewrit shutdown --journal desk.sqlite --reason "new release"')
    )(_shutdown)


def _status(
    journal: JournalFile = None,
    config: ConfigFile = None,
    *,
    metrics: Annotated[
        bool,
        typer.Option(
            "--metrics", help="In Prometheus' text format; a desk that does not answer is `..._up 0`."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask a running desk how it stands: worst first, with the command that helps where a person has to act.

    Of one that does not answer it says since when its lease was not renewed.
    """
    from tradewrit.runtime.live.requests import AskStatus

    try:
        answer = ask(journal, config, AskStatus(), timeout_s=5.0)
    except OurFault:
        if metrics:
            _emit_metrics(None)
        raise
    if metrics:
        _emit_metrics(answer.status)
    elif as_json:
        emit_json(answer.status)
    else:
        emit_text(answer.said)


def _emit_metrics(status: "Status | None") -> None:
    from tradewrit.surfaces.cli.desk_metrics import page_of

    emit_text(page_of(status))


def _orders(journal: JournalFile = None, config: ConfigFile = None, as_json: Json = False) -> None:
    """Show the orders of a running desk that may still trade."""
    from tradewrit.runtime.live.requests import AskOrders

    orders = ask(journal, config, AskOrders(), timeout_s=5.0).orders
    if as_json:
        emit_json({"orders": [_view(order) for order in orders]})
    elif not orders:
        emit_text("No order works.")
    else:
        emit_table(("order", "role", "what", "state", "filled"), [_row(order) for order in orders])


def _view(order: "Order") -> dict[str, object]:
    """One order as a program reads it."""
    terms = order.terms
    return {
        "order": order.id,
        "role": terms.role,
        "symbol": terms.symbol,
        "side": terms.side,
        "quantity": terms.quantity,
        "type": terms.type,
        "limit_price": terms.limit_price,
        "stop_price": terms.stop_price,
        "state": order.state,
        "filled": order.filled,
        "trade_id": terms.trade_id,
    }


def _row(order: "Order") -> tuple[str, ...]:
    terms = order.terms
    prices = [f"{price:f}" for price in (terms.stop_price, terms.limit_price) if price is not None]
    what = " ".join((f"{terms.side} {terms.quantity:f} {terms.symbol} {terms.type}", *prices))
    return order.id, terms.role, what, order.state, f"{order.filled:f}"


def _halt(
    reason: Reason,
    symbol: Annotated[
        str,
        typer.Option(
            "--symbol",
            metavar="SYMBOL",
            help="Say that the venue has paused this symbol: no entries in it, stops stay, exits wait.",
        ),
    ] = "",
    journal: JournalFile = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Throw the kill switch of a running desk: no entries until a person resumes; stops and exits go on."""
    from tradewrit.runtime.live.requests import AskHalt

    told(ask(journal, config, AskHalt(reason=reason, symbol=symbol), timeout_s=10.0), as_json=as_json)


def _resume(
    reason: Reason,
    symbol: Annotated[
        str,
        typer.Option(
            "--symbol",
            metavar="SYMBOL",
            help="Only this symbol, which is suspended or was halted: it may be traded again.",
        ),
    ] = "",
    journal: JournalFile = None,
    config: ConfigFile = None,
    as_who: As = "",
    secret_file: SecretFile = None,
    as_json: Json = False,
) -> None:
    """Put the kill switch back, after a halt or a crash loop: entries may leave again."""
    from tradewrit.runtime.live.requests import AskResume

    proof = login(in_force(config), as_who, secret_file)
    request = AskResume(login=proof, reason=reason, symbol=symbol)
    told(ask(journal, config, request, timeout_s=10.0), as_json=as_json)


def _flatten(
    reason: Reason = "asked for",
    journal: JournalFile = None,
    config: ConfigFile = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    as_json: Json = False,
) -> None:
    """Halt a running desk and close every position at market, until the venue says the account is flat."""
    from tradewrit.runtime.live.requests import AskFlatten, AskStatus

    status = ask(journal, config, AskStatus(), timeout_s=5.0).status
    held = {} if status is None else status.held
    shown = ", ".join(f"{units:+f} {symbol}" for symbol, units in held.items()) or "what the venue holds"
    if not yes and not typer.confirm(f"Halt trading and close {shown} at market?", err=True):
        raise OurFault("nothing was done")
    told(ask(journal, config, AskFlatten(reason=reason), timeout_s=None), as_json=as_json)


def _shutdown(
    reason: Reason = "asked for",
    journal: JournalFile = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """End a running desk as Ctrl-C does: no entry leaves any more, stops stay at the venue."""
    from tradewrit.runtime.live.requests import AskStop

    told(ask(journal, config, AskStop(reason=reason), timeout_s=10.0), as_json=as_json)
