"""What an exchange server answers when it does not do what was asked, as an error or as a report.

Which of them it is, `brokers.answers` says.
"""

from http import HTTPStatus
from typing import assert_never

import msgspec

from tradewrit.brokers.answers import MERITS, Meaning, meaning, said
from tradewrit.brokers.paper.http.wire import Denied
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.errors import OurFault, Throttled, Unauthorized, Unreachable


class Refusal(OurFault):
    """The server says no, for good. code: for programs."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class RejectedOnMerits(Refusal):
    """Orders, or a change of one, are refused. reports: what the server has on record of it, if it says."""

    def __init__(self, message: str, code: str, words: str, body: bytes) -> None:
        super().__init__(message, code)
        self._words = words
        self.reports = _reports_in(body)

    def report(self, order_id: str, kind: Exec, at: int) -> ExecutionReport:
        """The same as a report on one order, for a venue that keeps none. at: UTC ns of this machine.

        It is dated 0: whoever asked observes it when it is heard, by the time of the venue.
        """
        return ExecutionReport(
            at=0,
            exec_id=f"answer:{kind}:{order_id}:{at}",
            client_order_id=order_id,
            kind=kind,
            reason=self._words or str(self),
            code=MERITS[self.code],
        )


def refusal(place: str, status: int, body: bytes, retry_after: str) -> Exception:
    """The error that an answer is. place: what was asked, for messages."""
    why = said(body)
    what = f"{place}: {status} {why.words}".rstrip()
    match meaning(status, why.code):
        case Meaning.THROTTLED:
            return Throttled(what, _seconds(retry_after))
        case Meaning.UNAUTHORIZED:
            return Unauthorized(what)
        case Meaning.REJECTED:
            return RejectedOnMerits(what, why.code, why.words, body)
        case Meaning.REFUSED:
            return Refusal(what, why.code)
        case Meaning.UNKNOWN:
            is_other = status in {
                HTTPStatus.NOT_FOUND,
                HTTPStatus.METHOD_NOT_ALLOWED,
                HTTPStatus.NOT_IMPLEMENTED,
            }
            return Unreachable(f"{what}: what answers there is no exchange server" if is_other else what)
        case never:
            assert_never(never)


def _seconds(text: str) -> float:
    """What Retry-After says in seconds; a second where it says it otherwise."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1.0


def _reports_in(body: bytes) -> tuple[ExecutionReport, ...]:
    try:
        return msgspec.json.decode(body, type=Denied).reports
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ArithmeticError):
        return ()
