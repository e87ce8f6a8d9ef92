"""A 403 about the key stops everything; a 403 about the order is an answer. CB-13, C-23."""

import pytest

from tradewrit.brokers.answers import MERITS, Meaning, Said, meaning, said
from tradewrit.brokers.paper.http.table import DENIALS, STATUSES
from tradewrit.domain.rejections import UNSENT, Rejection

KEY, MERIT, LATER = Meaning.UNAUTHORIZED, Meaning.REJECTED, Meaning.THROTTLED
LOST, OURS = Meaning.UNKNOWN, Meaning.REFUSED


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, b"", KEY),
        (401, b'{"code": 40110000, "message": "request is not authorized"}', KEY),
        (401, b'{"error_code": "insufficient_buying_power"}', KEY),
        (403, b"", KEY),
        (403, b"<html>Forbidden</html>", KEY),
        (403, b'{"message": "forbidden."}', KEY),
        (403, b'{"error_code": "forbidden"}', KEY),
        (403, b'{"error_code": "a code of next year"}', KEY),
        (403, b'{"error_code": 7}', KEY),
        (403, b"[" * 100_000, KEY),
        (403, b"\xff\xfe", KEY),
        (403, b'{"error_code": "never_reached_the_venue"}', KEY),
        (403, b'{"code": 40310000, "message": "account is not allowed to short"}', MERIT),
        (403, b'{"code": "40310000", "message": "insufficient buying power"}', MERIT),
        (403, b'{"available": "0", "code": 40310000, "message": "insufficient qty available for order"}', MERIT),
        (403, b'{"code": 40310100, "message": "pattern day trading protection"}', MERIT),
        (403, b'{"error_code": "insufficient_buying_power"}', MERIT),
        (403, b'{"error_code": "not_shortable"}', MERIT),
        (422, b'{"code": 42210000, "message": "qty must be > 0"}', MERIT),
        (422, b'{"error_code": "malformed"}', MERIT),
        (422, b'{"error_code": "forbidden"}', OURS),
        (422, b"", LOST),
        (429, b'{"code": 40310000}', LATER),
        (429, b"", LATER),
        (400, b'{"error_code": "invalid_request"}', OURS),
        (404, b'{"code": 40410000, "message": "order not found"}', OURS),
        (409, b'{"error_code": "other_venue"}', OURS),
        (404, b"", LOST),
        (404, b"<html>", LOST),
        (408, b'{"error_code": "timeout"}', LOST),
        (302, b'{"error_code": "insufficient_buying_power"}', LOST),
        (500, b'{"error_code": "insufficient_buying_power"}', LOST),
        (503, b'{"error_code": "unavailable"}', LOST),
    ],
)  # fmt: skip
def test_status_and_code_together_say_what_an_answer_means(
    status: int, body: bytes, expected: Meaning
) -> None:
    assert meaning(status, said(body).code) is expected


@pytest.mark.parametrize("code", sorted(MERITS))
def test_no_prose_decides(code: str) -> None:
    """Whatever the words are, and whichever field the code is in."""
    for field in ("error_code", "code"):
        body = f'{{"{field}": "{code}", "message": "unauthorized: forbidden key"}}'.encode()
        assert meaning(403, said(body).code) is Meaning.REJECTED


def test_what_the_exchange_that_ships_refuses_is_told_apart() -> None:
    said_403 = {code for code, status in STATUSES.items() if status == 403}
    merits = {code for code in said_403 if meaning(403, code) is Meaning.REJECTED}
    assert merits == set(map(str, DENIALS))
    assert said_403 - merits == {"forbidden"}
    assert meaning(STATUSES["unauthorized"], "unauthorized") is Meaning.UNAUTHORIZED


def test_what_never_reached_a_venue_is_no_code_of_one() -> None:
    assert not {str(one) for one in UNSENT} & set(MERITS)
    assert set(MERITS.values()) == set(Rejection) - UNSENT


def test_words_are_for_people_and_come_from_either_body() -> None:
    assert said(b'{"error_code": "x", "detail": "a", "title": "b"}') == Said(code="x", words="a")
    assert said(b'{"code": 40310000, "message": "m"}') == Said(code="40310000", words="m")
    assert said(b"no") == Said()
