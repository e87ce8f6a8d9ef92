"""docs/reference/exchange-http.md: every endpoint of the exchange server, every body, every message."""

import typing
from collections.abc import Iterator
from typing import Final

import msgspec

from tradewrit.brokers.paper.http.record import KEPT_PRICES
from tradewrit.brokers.paper.http.stream import LONGEST_WAIT_S
from tradewrit.brokers.paper.http.table import ENDPOINTS, EVENTS, EVENTS_QUERY, STATUSES, Endpoint
from tradewrit.brokers.paper.http.tape import KEPT_PRINTS
from tradewrit.brokers.paper.http.wire import (
    EXCHANGE_HEADER,
    KEY_HEADER,
    MAX_BODY_BYTES,
    AnyMessage,
    Denied,
    Problem,
)
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.surfaces.docs.http import bodies, errors_tables
from tradewrit.surfaces.docs.markdown import code, explained, table

_INTRODUCTION: Final = """\
# The exchange server

`tradewrit exchange serve` puts a [paper exchange](paper-exchange.md) behind HTTP, for this machine only. How
to run it: [Run a paper exchange](../how-to/run-a-paper-exchange.md). Paths are Alpaca's; the bodies are our
own for now: exact, and in the desk's own words.

- JSON in and out. Amounts are decimals as text, market prices are numbers, times are UTC nanoseconds. A body
  with a field it does not know is refused. At most {body:,} bytes.
- With a key, every request shows it in `{key}`; without it nothing is told: 401
  `unauthorized`. Requests of web pages, and to a name that is not this machine's, get 403 `forbidden`.
- A request may say in `{exchange}` which exchange it is meant for (`venue` of `GET /v2/clock`): any other
  refuses it with 409 `other_venue`, and nothing is done. Our client says so in every request.
- A refused order is no error: the answer is 200 with a report of kind `rejected`. So is a cancel that
  comes too late. Orders that the account may not place, as it stands, are answered with 403 and one of
  the codes that `POST /v2/orders` refuses with, as Alpaca does; their reports are in the answer. A 403
  with another code is about the key. Any other error means that nothing was done, except 500; of an
  answer that never comes nobody knows, and `GET /v2/orders:by_client_order_id` tells.
- The same `client_order_id` never places a second order: its reports come again, under their first `exec_id`.

## Endpoints

"""

_STREAM: Final = """
Those marked "by hand" are there with `--manual` only.

## The stream

`GET {events}` answers `text/event-stream` for as long as the client listens. Every event has a number
(`id:`), counted from 1; `after`, or the header `Last-Event-ID`, says where to go on, so that whoever
reconnects misses nothing. Reports are kept for as long as the exchange lives, of prices the latest {kept:,}
events at least. A silent line beats every second. Our client reconnects by itself, after pauses that grow to
{wait:g} s.

With `ticks=SYMBOL`, repeated for several or `*` for all, the stream carries trade prints as well: every
execution of the account at its price and size, and the first and last trade that each bar implies, with
size 0, since a bar does not tell how large they were. Each has a `sequence` that rises by one per symbol
and goes on after a restart with `--state`. A print comes behind the event that it followed, has no `id:`,
is sent once, and is not sent again: a new connection begins with the latest print of each symbol, and so
does a reader that has fallen more than {prints:,} prints behind. A `sequence` that jumps says how many were
missed.

"""

_ERRORS: Final = """
## Errors

An error is a problem document (RFC 9457), `application/problem+json`. `error_code` is for programs and stays;
`detail` is for people and may be reworded. 429 and 503 say in `Retry-After` how many seconds to wait.

"""


def exchange_http_page() -> str:
    """The whole page, in Markdown."""
    introduction = _INTRODUCTION.format(body=MAX_BODY_BYTES, key=KEY_HEADER, exchange=EXCHANGE_HEADER)
    messages = typing.get_args(AnyMessage)
    return (
        introduction
        + table(("Endpoint", "What it does", "Takes", "Answers", "Refuses"), map(_row, ENDPOINTS))
        + _STREAM.format(events=EVENTS, kept=KEPT_PRICES, wait=LONGEST_WAIT_S, prints=KEPT_PRINTS)
        + table(("`kind`", "Message", "Meaning"), map(_message, messages))
        + _ERRORS
        + errors_tables(STATUSES, Problem)
        + "\n## Query parameters\n\n"
        + table(("Endpoint", "Parameter", "Meaning"), _queries())
        + "\n## Bodies and messages\n"
        + bodies(ENDPOINTS, Denied, *messages, ExecutionReport)
    )


def _row(endpoint: Endpoint) -> tuple[str, ...]:
    return (
        code(f"{endpoint.method} {_path(endpoint)}"),
        endpoint.summary + (" (By hand.)" if endpoint.is_manual else ""),
        code(endpoint.takes.__name__) if endpoint.takes else "",
        code(endpoint.gives.__name__),
        ", ".join(map(code, endpoint.refuses)),
    )


def _path(endpoint: Endpoint) -> str:
    return endpoint.path.replace(":path}", "}")


def _message(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return code(kind.__struct_config__.tag), code(kind.__name__), explained(kind)[0]


def _queries() -> Iterator[tuple[str, ...]]:
    for endpoint in ENDPOINTS:
        for name, meaning in endpoint.query.items():
            yield code(f"{endpoint.method} {_path(endpoint)}"), code(name), meaning
    for name, meaning in EVENTS_QUERY.items():
        yield code(f"GET {EVENTS}"), code(name), meaning
