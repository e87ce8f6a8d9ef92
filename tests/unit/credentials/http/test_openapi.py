"""The OpenAPI document tells the truth: what it allows is answered as it says, what it forbids is refused."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.unit.credentials.http.servers import Served, app, asked, bearing, operator
from tradewrit.credentials.http.openapi import document
from tradewrit.credentials.http.problems import Problem
from tradewrit.credentials.http.table import ENDPOINTS, OPEN, Endpoint
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.remote import RemoteClient
from tradewrit.runtime.clock import system_entropy

BY_NAME = {(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS}
EACH = max(5, settings().max_examples // 10)
"""A tenth of the profile's examples for each of some forty operations, beside a hundred or so that are not drawn."""
SCHEMA = schemathesis.openapi.from_dict(document())


@pytest.fixture(scope="module")
def remote(served: Served) -> Iterator[RemoteClient]:
    client = RemoteClient(served.url, served.client_id, served.client_secret)
    yield client
    client.close()


@pytest.fixture(scope="module")
def headers(served: Served, remote: RemoteClient) -> "Headers":
    return Headers(served, remote)


class Headers:
    """A live token of the right kind for every endpoint, whatever the last request did to the one before."""

    def __init__(self, served: Served, remote: RemoteClient) -> None:
        self._served = served
        self._remote = remote
        self._held: dict[str, dict[str, str]] = {}

    def of(self, needs: str) -> dict[str, str]:
        authority = self._served.authority
        assert authority is not None
        if authority.kill_state() is not None:
            authority.rearm(by="test")
        if needs == OPEN:
            return {}
        held = self._held.get(needs)
        if held is None or authority.validate(held["Authorization"].removeprefix("Bearer ")) is None:
            held = self._held[needs] = self._new(needs)
        return held

    def _new(self, needs: str) -> dict[str, str]:
        with self._served.http() as http:
            if needs.startswith("admin:"):
                return operator(http, self._served)
            if needs.startswith("app:"):
                return app(http, self._served)
        return bearing(self._remote.register(asked(), SigningKey.draw(system_entropy)).token)


@SCHEMA.exclude(method="HEAD").parametrize()
@settings(max_examples=EACH, suppress_health_check=list(HealthCheck))
def test_whatever_is_sent_is_answered_as_the_document_says(
    case: Any, served: Served, headers: Headers
) -> None:
    endpoint = BY_NAME[case.operation.method.upper(), case.operation.path]
    held = headers.of(endpoint.needs)
    if endpoint.needs != OPEN:
        case.headers = {**(case.headers or {}), **held}
    answer = case.call(base_url=served.url)
    case.validate_response(
        answer,
        checks=[
            schemathesis.checks.not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_headers_conformance,
            response_schema_conformance,
        ],
    )


def test_every_route_and_method_is_in_the_document_and_nothing_else() -> None:
    described = {
        (method.upper(), path) for path, operations in document()["paths"].items() for method in operations
    }
    assert described == {(method, endpoint.path) for endpoint in ENDPOINTS for method in endpoint.methods}


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = [
        operation["operationId"]
        for operations in document()["paths"].values()
        for operation in operations.values()
    ]
    assert len(ids) == len(set(ids))


def test_the_document_is_served_as_it_is(http: httpx.Client) -> None:
    answer = http.get("/v1/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == msgspec.json.decode(msgspec.json.encode(document()))


def test_every_reference_in_it_leads_somewhere() -> None:
    text = msgspec.json.encode(document()).decode()
    for kind, name in set(re.findall(r'"\$ref":"#/components/(\w+)/([\w-]+)"', text)):
        assert name in document()["components"][kind]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: f"{one.method} {one.path}")
def test_who_may_call_is_said(endpoint: Endpoint) -> None:
    operation = document()["paths"][endpoint.path][endpoint.method.lower()]
    assert ("security" in operation) is (endpoint.needs != OPEN)
    assert operation["summary"] == endpoint.summary
    assert endpoint.summary.endswith(".")
    assert {"401"} <= operation["responses"].keys() or endpoint.needs == OPEN


def test_a_problem_has_the_fields_of_the_protocol_in_their_order() -> None:
    assert list(document()["components"]["schemas"]["Problem"]["properties"]) == list(
        Problem.__struct_fields__
    )
