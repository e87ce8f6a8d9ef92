import copy
import json
import logging
import pickle
import pprint
import traceback
from typing import Any

import msgspec
import pytest

from tradewrit.runtime.secret import Secret

CANARY = "canary-5d1f"


@pytest.fixture
def secret() -> Secret:
    return Secret("alpaca_key", CANARY)


def test_a_secret_prints_as_its_name(secret: Secret) -> None:
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!s:>30}", f"{secret:>30}", "%s" % secret]  # noqa: UP031
    assert {text.strip() for text in shown} == {"Secret('alpaca_key')"}


def test_it_is_revealed_by_the_one_call_that_says_so(secret: Secret) -> None:
    assert secret.reveal() == CANARY


@pytest.mark.parametrize("show", [repr, str, pprint.pformat, ascii])
def test_no_container_and_no_printer_shows_it(secret: Secret, show: Any) -> None:
    assert CANARY not in show([secret, {"key": (secret,)}])


def test_neither_do_its_attributes(secret: Secret) -> None:
    assert CANARY not in str([getattr(secret, name) for name in dir(secret)])
    with pytest.raises(TypeError):
        vars(secret)


@pytest.mark.parametrize(
    "leave",
    [json.dumps, msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins, pickle.dumps],
)
def test_it_does_not_leave_by_a_format(secret: Secret, leave: Any) -> None:
    for held in (secret, [secret], {"key": secret}):
        with pytest.raises(TypeError) as refused:
            leave(held)
        assert CANARY not in "".join(traceback.format_exception(refused.value))


def test_a_copy_is_the_same_secret(secret: Secret) -> None:
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret


def test_a_log_line_and_a_traceback_name_it_only(secret: Secret, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("tradewrit").error("using %s and %r", secret, {"key": secret})
    assert "Secret('alpaca_key')" in caplog.text
    with pytest.raises(ValueError, match="alpaca_key") as raised:
        raise ValueError(secret)
    told = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
    assert "Secret('alpaca_key')" in told
    assert CANARY not in caplog.text + told
