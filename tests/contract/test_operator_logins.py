"""What every place where operators log in keeps to: the authority of this machine, and one over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.unit.credentials.http.servers import founded, process
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.home import open_home
from tradewrit.credentials.operator_login import LocalLogins, OperatorLogins, RemoteLogins
from tradewrit.credentials.remote_http import Http
from tradewrit.credentials.requests import Bearer
from tradewrit.errors import CredentialRefused, PermissionDenied
from tradewrit.runtime.secret import Secret

NO = (CredentialRefused, PermissionDenied)


class Way(NamedTuple):
    """A place, the secret of an operator there, and its authority."""

    logins: OperatorLogins
    vera: Secret
    folder: Path

    def authority(self) -> Authority:
        return Authority.open(open_home(self.folder))


@pytest.fixture(scope="module", params=["local", "remote"])
def way(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    folder: Path = tmp_path_factory.mktemp(request.param) / "home"
    if request.param == "local":
        founded(folder)
        logins: OperatorLogins = LocalLogins(lambda: Authority.open(open_home(folder)))
        yield Way(logins, added(folder), folder)
        return
    with process(folder) as served:
        http = Http(served.url, 5.0, None)
        yield Way(RemoteLogins(http), added(folder), folder)
        http.close()


def added(folder: Path) -> Secret:
    with Authority.open(open_home(folder)) as authority:
        return Secret("operator", authority.add_operator("vera", by="test").secret)


def test_a_login_proves_a_name_once(way: Way) -> None:
    token = way.logins.login(way.vera)
    assert way.logins.prove(token) == "vera"
    with pytest.raises(NO):
        way.logins.prove(token)


def test_a_wrong_secret_is_no_login(way: Way) -> None:
    for secret in ("op-vera-" + "0" * 64, "op-nobody-" + "0" * 64, "vera"):
        with pytest.raises(CredentialRefused):
            way.logins.login(Secret("operator", secret))


def test_who_is_shown_a_login_can_do_nothing_with_it(way: Way) -> None:
    token = way.logins.login(way.vera)
    with way.authority() as authority:
        for scope in ("admin:launch-tokens:*", "admin:revoke:*", "admin:audit:*"):
            with pytest.raises(CredentialRefused, match="lacks required scope"):
                authority.authenticate(Bearer(authorization=f"Bearer {token}"), scope)


def test_a_token_to_administer_with_is_no_login(way: Way) -> None:
    with way.authority() as authority:
        token = authority.operator_token(way.vera.reveal()).token
        with pytest.raises(NO):
            way.logins.prove(token)
        assert authority.validate(token) is not None, "and it is not spent either"


def test_garbage_is_no_login(way: Way) -> None:
    for token in ("", "garbage", "a.b.c"):
        with pytest.raises(NO):
            way.logins.prove(token)


def test_what_was_proven_stands_in_the_audit_trail(way: Way) -> None:
    way.logins.prove(way.logins.login(way.vera))
    with way.authority() as authority:
        assert authority.verify_audit().is_intact
