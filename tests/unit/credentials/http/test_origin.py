"""The address a proof of possession must name: one of ours, whatever the Host header says."""

import pytest

from tradewrit.credentials.http.origin import Origin


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "[::1]:8080"])
def test_this_machine_has_several_names(host: str) -> None:
    origin = Origin.listening("127.0.0.1", 8080, is_tls=False)
    assert origin.url("http", host, "/v1/delegate") == f"http://{host.lower()}/v1/delegate"


@pytest.mark.parametrize("host", ["", "evil.example", "127.0.0.1", "127.0.0.1:9090", "127.0.0.1:8080@evil"])
def test_a_host_header_that_is_not_ours_names_us_all_the_same(host: str) -> None:
    origin = Origin.listening("127.0.0.1", 8080, is_tls=False)
    assert origin.url("http", host, "/v1/delegate") == "http://127.0.0.1:8080/v1/delegate"


def test_behind_a_proxy_the_public_address_is_the_only_one() -> None:
    origin = Origin.listening("127.0.0.1", 8080, is_tls=False, public_url="https://writs.example/")
    assert origin.url("http", "127.0.0.1:8080", "/v1/delegate") == "https://writs.example/v1/delegate"


def test_the_usual_port_is_not_named() -> None:
    origin = Origin.listening("192.0.2.1", 443, is_tls=True)
    assert origin.url("https", "192.0.2.1", "/v1/kill") == "https://192.0.2.1/v1/kill"


def test_an_address_of_version_6_stands_in_brackets() -> None:
    origin = Origin.listening("2001:db8::1", 8443, is_tls=True)
    assert origin.url("https", "elsewhere", "/v1/kill") == "https://[2001:db8::1]:8443/v1/kill"
