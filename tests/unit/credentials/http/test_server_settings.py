"""What the server refuses to be started with: secrets must not travel in the open by accident."""

from pathlib import Path

import pytest

from tradewrit.credentials.http.settings import Patience, ServerSettings
from tradewrit.errors import ConfigError

PEM = Path("some.pem")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_plain_http_is_fine_where_only_this_machine_listens(host: str) -> None:
    assert not ServerSettings(host=host).is_tls


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "desk.example", ""])
def test_plain_http_where_others_can_listen_must_be_asked_for(host: str) -> None:
    with pytest.raises(ConfigError, match="over plain HTTP they could read every secret"):
        ServerSettings(host=host)
    assert ServerSettings(host=host, is_plain_allowed=True).host == host
    assert ServerSettings(host=host, tls_certificate=PEM, tls_key=PEM).is_tls


def test_half_of_a_certificate_is_none() -> None:
    with pytest.raises(ConfigError, match="both a certificate and its key"):
        ServerSettings(tls_certificate=PEM)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_cannot_be_is_refused(port: int) -> None:
    with pytest.raises(ConfigError, match="not between 0"):
        ServerSettings(port=port)


def test_the_patience_is_that_of_the_protocol() -> None:
    patience = Patience()
    assert (patience.head_s, patience.body_s, patience.answer_s, patience.idle_s) == (5, 15, 30, 120)
