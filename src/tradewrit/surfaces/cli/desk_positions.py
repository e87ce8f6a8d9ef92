"""What a person says to a desk of one symbol or order: `tradewrit close|move-stop|cancel|adopt|believe`."""

from typing import TYPE_CHECKING, Annotated

import typer

from tradewrit.errors import OurFault
from tradewrit.surfaces.cli.amounts import amount
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.desk_line import ask, told
from tradewrit.surfaces.cli.live_options import JournalFile
from tradewrit.surfaces.cli.login import As, SecretFile, login
from tradewrit.surfaces.cli.output import Json, example

if TYPE_CHECKING:
    from tradewrit.domain.money import Price

Symbol = Annotated[
    str, typer.Argument(metavar="SYMBOL", help="Which; `tradewrit status` lists what is held.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; goes on record.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")]


def register(app: typer.Typer) -> None:
    """Add `tradewrit close|move-stop|cancel|adopt|believe`."""
    app.command(
        "close", epilog=example('tradewrit close AAPL --journal desk.sqlite --reason "earnings tonight"')
    )(_close)
    app.command("move-stop", epilog=example("tradewrit move-stop AAPL 171.50 --journal desk.sqlite"))(
        _move_stop
    )
    app.command("cancel", epilog=example("tradewrit cancel 7XK2Q --journal desk.sqlite"))(_cancel)
    app.command(
        "adopt",
        epilog=example(
            'tradewrit adopt AAPL --journal desk.sqlite --reason "sold 2 by hand at 14:02"',
            'tradewrit adopt AAPL --price 174.20 --yes --journal desk.sqlite --reason "broker confirmed"',
        ),
    )(_adopt)
    app.command(
        "believe",
        epilog=example('tradewrit believe GME --journal desk.sqlite --reason "reverse split 1:10"'),
    )(_believe)


def _believe(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="Whose bars the log says are refused.")],
    reason: Reason,
    journal: JournalFile = None,
    config: ConfigFile = None,
    as_who: As = "",
    secret_file: SecretFile = None,
    as_json: Json = False,
) -> None:
    """Say that prices which a running desk refuses as far away are real: the next bar is let in.

    It lets them in by itself when three bars in a row agree. One that cannot be true stays refused.
    """
    from tradewrit.runtime.live.requests import AskBelieve

    proof = login(in_force(config), as_who, secret_file)
    request = AskBelieve(login=proof, symbol=symbol, reason=reason)
    told(ask(journal, config, request, timeout_s=10.0), as_json=as_json)


def _close(
    symbol: Symbol,
    reason: Reason = "manual",
    journal: JournalFile = None,
    config: ConfigFile = None,
    *,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Close what a running desk holds in one symbol, at market; its orders are cancelled first."""
    from tradewrit.runtime.live.requests import AskClose, AskStatus

    status = ask(journal, config, AskStatus(), timeout_s=5.0).status
    held = None if status is None else status.held.get(symbol)
    shown = symbol if held is None else f"{held:+f} {symbol}"
    if not yes and not typer.confirm(f"Close {shown} at market?", err=True):
        raise OurFault("nothing was done")
    told(ask(journal, config, AskClose(symbol=symbol, reason=reason), timeout_s=10.0), as_json=as_json)


def _move_stop(
    symbol: Symbol,
    price: Annotated[str, typer.Argument(metavar="PRICE", help="Closer to the price than it is now.")],
    journal: JournalFile = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Move the stop of what a running desk holds; only ever closer to the price."""
    from tradewrit.runtime.live.requests import AskMoveStop

    request = AskMoveStop(symbol=symbol, price=_price("PRICE", price))
    told(ask(journal, config, request, timeout_s=10.0), as_json=as_json)


def _cancel(
    order: Annotated[
        str, typer.Argument(metavar="ORDER", help="Its id, or the beginning of it; see `tradewrit orders`.")
    ],
    reason: Reason = "manual",
    journal: JournalFile = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Take back an order of a running desk. A stop that protects something is not: close that instead."""
    from tradewrit.runtime.live.requests import AskCancel

    told(ask(journal, config, AskCancel(order=order, reason=reason), timeout_s=10.0), as_json=as_json)


def _adopt(
    symbol: Annotated[
        str, typer.Argument(metavar="SYMBOL", help="Which; `tradewrit status` says what is disputed.")
    ],
    reason: Reason,
    price: Annotated[
        str | None,
        typer.Option(
            "--price",
            metavar="PRICE",
            help="At which the difference was traded, as the broker confirms it; without it, the last price.",
        ),
    ] = None,
    journal: JournalFile = None,
    config: ConfigFile = None,
    as_who: As = "",
    secret_file: SecretFile = None,
    *,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Believe the venue about a disputed position: the books then hold what it holds.

    The difference is booked as traded by somebody else: what it takes of the desk's own position is gone from
    its trade, and entries in the symbol may leave again.
    """
    from tradewrit.runtime.live.requests import AskAdopt, AskStatus

    status = ask(journal, config, AskStatus(), timeout_s=5.0).status
    seen = "" if status is None else status.disputed.get(symbol, "")
    if seen and not yes and not typer.confirm(f"{symbol}: {seen}. Believe the venue?", err=True):
        raise OurFault("nothing was done: the dispute stands")
    request = AskAdopt(
        login=login(in_force(config), as_who, secret_file),
        symbol=symbol,
        seen=seen,
        reason=reason,
        price=None if price is None else _price("--price", price),
    )
    told(ask(journal, config, request, timeout_s=10.0), as_json=as_json)


def _price(name: str, text: str) -> "Price":
    from tradewrit.domain.money import Price

    return Price(amount(name, text))
