"""The way to an exchange server: a `Broker`, and a source of prices and reports.

    exchange = ExchangeClient("http://127.0.0.1:8090", Secret("exchange_key", key))
    exchange.place(approved, grant)            # and all else that `runtime.ports.Broker` asks for
    for number, message in exchange.events():  # see `stream.EventStream`
        ...

Any thread may use it; every call may block for as long as `timeout_s`. Nothing that changes something is ever
sent twice.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from tradewrit.brokers.paper.http import wire
from tradewrit.brokers.paper.http.refusals import Refusal, RejectedOnMerits, refusal
from tradewrit.brokers.paper.http.stream import EventStream
from tradewrit.domain.capabilities import PAPER, Capabilities
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.market import SECOND, Bar, Quote
from tradewrit.domain.orders import Approved, OrderTerms
from tradewrit.domain.scopes import Grant
from tradewrit.domain.venues import VenueIdentity, objection
from tradewrit.errors import ConfigError, Unreachable, WrongVenue
from tradewrit.runtime.clock import Clock, SystemClock
from tradewrit.runtime.ports import Replacement
from tradewrit.runtime.secret import Secret
from tradewrit.version import VERSION

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

TIMEOUT_S: Final = 5.0
_MAX_ANSWER_BYTES: Final = 67_108_864
_IDLE_S: Final = 60.0
"""Shorter than the server's patience, so that no request goes out on a connection that is being closed."""


class ExchangeClient:
    """See `runtime.ports.Broker`.

    url: of the server. key: what it asks for; None where it asks for nothing. timeout_s: for the whole of an
    answer. silence_s: how long a stream may be silent before it counts as cut; the server shows every second
    that it is alive.
    """

    def __init__(
        self,
        url: str,
        key: Secret | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        silence_s: float = TIMEOUT_S,
        clock: Clock | None = None,
    ) -> None:
        """Raises ConfigError for an address that is none, and when httpx is not installed."""
        try:
            import httpx
        except ImportError:
            raise ConfigError("an exchange elsewhere needs httpx: pip install 'tradewrit[remote]'") from None
        self._url = _checked(url)
        self._timeout_s = timeout_s
        self._silence_s = silence_s
        self._clock = clock or SystemClock()
        self._bound: VenueIdentity | None = None
        self._errors = httpx.HTTPError
        self._refused_connection = httpx.ConnectError
        self._severed = (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
        self._http = httpx.Client(
            base_url=self._url,
            timeout=timeout_s,
            trust_env=False,  # a proxy that the environment names would see the key
            headers={"User-Agent": f"tradewrit/{VERSION}"},
            limits=httpx.Limits(max_keepalive_connections=16, keepalive_expiry=_IDLE_S),
        )
        if key is not None:
            self._http.headers[wire.KEY_HEADER] = key.reveal()

    # -- the broker

    @property
    def capabilities(self) -> Capabilities:
        """Those of the paper exchange."""
        return PAPER

    def place(self, approved: Approved, grant: Grant) -> Sequence[ExecutionReport]:  # noqa: ARG002 - the desk checks it
        """See Broker."""
        body = wire.NewOrders(orders=approved.orders, by=approved.by)
        ids = [terms.client_order_id for terms in approved.orders]
        return self._change("POST", "/v2/orders", body, ids, Exec.REJECTED)

    def cancel(
        self,
        client_order_id: str,
        grant: Grant,  # noqa: ARG002 - as above
        broker_order_id: str = "",
    ) -> Sequence[ExecutionReport]:
        """See Broker."""
        path, ids = _of(client_order_id), [client_order_id]
        return self._change("DELETE", path, None, ids, Exec.CANCEL_REJECTED, broker_order_id)

    def replace(
        self,
        client_order_id: str,
        replacement: Replacement,
        grant: Grant,  # noqa: ARG002 - as above
        broker_order_id: str = "",
    ) -> Sequence[ExecutionReport]:
        """See Broker."""
        body = wire.NewTerms(**msgspec.structs.asdict(replacement))
        path, ids = _of(client_order_id), [client_order_id]
        return self._change("PATCH", path, body, ids, Exec.REPLACE_REJECTED, broker_order_id)

    def order(self, client_order_id: str) -> Sequence[ExecutionReport]:
        """See Broker."""
        params = {"client_order_id": client_order_id}
        found = self._find("/v2/orders:by_client_order_id", wire.Reports, params, absent="unknown_order")
        return () if found is None else found.reports

    def open_orders(self) -> Sequence[OrderTerms]:
        """See Broker."""
        return self._ask("GET", "/v2/orders", wire.OpenOrders).orders

    def positions(self) -> Mapping[str, Decimal]:
        """Units held by symbol, negative when short; flat symbols are absent."""
        held = self._ask("GET", "/v2/positions", wire.Positions).positions
        return {one.symbol: one.quantity for one in held}

    def halts(self) -> Mapping[str, str]:
        """See Broker."""
        return {one.symbol: one.reason for one in self._ask("GET", "/v2/market/halts", wire.Halts).halts}

    def executions(self, since: int) -> Sequence[ExecutionReport]:
        """See Broker. since: UTC ns of the venue."""
        found: list[ExecutionReport] = []
        params: dict[str, str] = {"after": str(max(since, 0))}
        while True:
            page = self._ask("GET", "/v2/account/activities", wire.Reports, params=params)
            found += page.reports
            if not page.next:
                return tuple(found)
            params["page_token"] = str(page.next)

    # -- prices, and the venue itself

    def identity(self) -> VenueIdentity:
        """Which exchange answers, and whose account it is."""
        return VenueIdentity(venue="paper", exchange=self.clock().venue, account=self.account().account)

    def bind(self, identity: VenueIdentity) -> None:
        """From now on talk to this exchange alone: another one at the address refuses every request.

        A call then raises WrongVenue, and nothing was done.
        """
        self._bound = identity
        self._http.headers[wire.EXCHANGE_HEADER] = identity.exchange

    def events(self, after: int = 0, venue: str = "", ticks: Sequence[str] = ()) -> EventStream:
        """Everything the venue says, from the event behind `after` on; reconnects by itself.

        venue: the identity that `after` is from, "" when it is not known. ticks: symbols whose trade prints
        are wanted, from the latest on; `tape.EVERY_SYMBOL` for all.
        """
        return EventStream(self._http, self._url, self._silence_s, after=after, venue=venue, ticks=ticks)

    def account(self) -> wire.Account:
        """Cash, equity and buying power at the venue."""
        return self._ask("GET", "/v2/account", wire.Account)

    def clock(self) -> wire.VenueTime:
        """What time it is at the venue, and how far its events have come."""
        return self._ask("GET", "/v2/clock", wire.VenueTime)

    def bars(self, symbol: str, limit: int = wire.MAX_PAGE) -> Sequence[Bar]:
        """The last completed bars, oldest first; none for a symbol that is not traded there."""
        params = {"symbol": symbol, "limit": str(limit)}
        found = self._find("/v2/market/bars", wire.History, params, absent="not_found")
        return () if found is None else found.bars

    def quote(self, symbol: str) -> Quote | None:
        """The last quote; None when there was none."""
        params = {"symbol": symbol}
        found = self._find("/v2/market/quote", wire.LastQuote, params, absent="not_found")
        return None if found is None else found.quote

    def show_bars(self, bars: Sequence[Bar], *, part: str = "all", closed_at: int = 0) -> wire.Shown:
        """Move the market of a server that is moved by hand; see `wire.NewBars`."""
        body = wire.NewBars(bars=tuple(bars), part=part, closed_at=closed_at)
        return self._ask("POST", "/v2/market/bars", wire.Shown, body)

    def show_quote(self, quote: Quote) -> wire.Shown:
        """The same by a quote."""
        return self._ask("POST", "/v2/market/quote", wire.Shown, wire.NewQuote(quote=quote))

    # -- what people of the exchange do

    def halt(self, symbol: str, reason: str) -> None:
        """Halt a symbol. Raises OurFault for one that is not traded there."""
        self._ask("POST", "/v2/market/halts", wire.Halts, wire.NewHalt(symbol=symbol, reason=reason))

    def resume(self, symbol: str) -> None:
        """Let a halted symbol trade again. Raises OurFault for one that is not halted."""
        self._ask("DELETE", f"/v2/market/halts/{quote(symbol, safe='')}", wire.Halts)

    def correct(
        self, exec_id: str, *, quantity: Decimal | None = None, price: Decimal | None = None, reason: str = ""
    ) -> Sequence[ExecutionReport]:
        """Correct an execution; a quantity of 0 busts it. Raises OurFault for what cannot be."""
        body = wire.NewCorrection(exec_id=exec_id, quantity=quantity, price=price, reason=reason)
        return self._ask("POST", "/v2/market/corrections", wire.Reports, body).reports

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    # -- requests

    def _change(
        self,
        method: str,
        path: str,
        body: msgspec.Struct | None,
        ids: Sequence[str],
        refused: Exec,
        broker_order_id: str = "",
    ) -> Sequence[ExecutionReport]:
        """What a change of orders led to. refused: the kind of report that says it was refused."""
        which = {"broker_order_id": broker_order_id} if broker_order_id else None
        try:
            return self._ask(method, path, wire.Reports, body, params=which).reports
        except RejectedOnMerits as no:
            at = self._clock.now()
            return no.reports or tuple(no.report(order_id, refused, at) for order_id in ids)

    def _find(self, path: str, kind: type[T], params: Mapping[str, str], *, absent: str) -> T | None:
        """What a question finds; None when the server says, in so many words, that it is not there."""
        try:
            return self._ask("GET", path, kind, params=params)
        except Refusal as no:
            if no.code == absent:
                return None
            raise

    def _ask(
        self,
        method: str,
        path: str,
        kind: type[T],
        body: msgspec.Struct | None = None,
        *,
        params: Mapping[str, str] | None = None,
    ) -> T:
        """The answer, as a `kind`.

        Raises Unreachable when nothing is known, Throttled and Unauthorized when nothing was done, and
        OurFault for a request that the server would never take.
        """
        content = None if body is None else wire.encode(body)
        try:
            status, answer, retry_after = self._send(method, path, content, params)
        except self._severed as error:
            if method != "GET" or body is not None:
                raise self._lost(path, error) from error
            # The server may have been started anew since the connection was made, and asking is harmless.
            status, answer, retry_after = self._send_again(path, params)
        except self._errors as error:
            raise self._lost(path, error) from error
        if status != HTTPStatus.OK:
            raise self._refused(path, status, answer, retry_after)
        try:
            return msgspec.json.decode(answer, type=kind)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, ArithmeticError):
            raise Unreachable(f"{self._url}{path}: the answer is not one of an exchange server") from None

    def _send_again(self, path: str, params: Mapping[str, str] | None) -> tuple[int, bytes, str]:
        try:
            return self._send("GET", path, None, params)
        except self._errors as error:
            raise self._lost(path, error) from error

    def _send(
        self, method: str, path: str, content: bytes | None, params: Mapping[str, str] | None
    ) -> tuple[int, bytes, str]:
        deadline = self._clock.monotonic() + int(self._timeout_s * SECOND)
        headers = {} if content is None else {"Content-Type": wire.JSON}
        received = bytearray()
        asked: Any = {"content": content, "headers": headers, "params": params}
        with self._http.stream(method, path, **asked) as answer:
            for chunk in answer.iter_bytes():
                received += chunk
                if len(received) > _MAX_ANSWER_BYTES:
                    raise Unreachable(f"{self._url}{path}: the answer is larger than any of an exchange")
                if self._clock.monotonic() > deadline:
                    raise Unreachable(f"{self._url}{path}: the answer took longer than {self._timeout_s:g} s")
            return answer.status_code, bytes(received), answer.headers.get("Retry-After", "")

    def _refused(self, path: str, status: int, answer: bytes, retry_after: str) -> Exception:
        found = refusal(f"{self._url}{path}", status, answer, retry_after)
        if self._bound is not None and isinstance(found, Refusal) and found.code == "other_venue":
            return WrongVenue(objection(self._bound, str(found)))
        return found

    def _lost(self, path: str, error: "httpx.HTTPError") -> Unreachable:
        # The text of an httpx error names hosts and causes, never a header or a body.
        if isinstance(error, self._refused_connection):
            cause = str(error).partition("] ")[2] or str(error)
            return Unreachable(f"{self._url}: no exchange server is there ({cause})")
        return Unreachable(f"{self._url}{path}: {type(error).__name__}: {error}")


def _of(client_order_id: str) -> str:
    return f"/v2/orders/{quote(client_order_id, safe='')}"


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.username or parts.password:  # not shown: it may hold a password
        raise ConfigError("one with a user name is no address of an exchange server: keys go by --key-env")
    if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ConfigError(f"{url[:200]!r} is no address of an exchange server, such as http://127.0.0.1:8090")
    return url.rstrip("/")
