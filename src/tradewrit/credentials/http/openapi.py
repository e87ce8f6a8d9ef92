"""The OpenAPI 3.1 document, written from the table of endpoints and from the bodies themselves."""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from tradewrit.credentials.http.problems import PROBLEM, STATUSES, TITLES, Problem
from tradewrit.credentials.http.table import ANY, ENDPOINTS, OPEN, OWN, Endpoint
from tradewrit.version import VERSION

JsonObject = dict[str, Any]

_PLACE: Final = re.compile(r"\{(\w+)\}")
_REFERENCE: Final = "#/components/schemas/{name}"
_ABOUT: Final = (
    "Short-lived, scoped credentials for agents. Every error is a problem document (RFC 9457) whose "
    "`error_code` says what happened. A token with a `cnf` claim counts only with a `DPoP` header "
    "(RFC 9449, EdDSA, the agent's own key) beside `Authorization: Bearer`."
)
_HEADERS: Final = {
    name: {"schema": {"type": "string"}, "description": meaning, "required": True}
    for name, meaning in (
        ("X-Request-Id", "The request's own id, or one that was drawn for it."),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
    )
}
_SENT_HEADERS: Final = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}


def document() -> JsonObject:
    """The whole document, as JSON values."""
    paths: JsonObject = {}
    for endpoint in ENDPOINTS:
        for method in endpoint.methods:
            paths.setdefault(endpoint.path, {})[method.lower()] = _operation(endpoint, method)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tradewrit credential authority", "version": VERSION, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "headers": _HEADERS,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _schemas() -> JsonObject:
    """Every body, by its name; the order of fields is that in which they are sent."""
    kinds: list[type[msgspec.Struct]] = [Problem]
    for endpoint in ENDPOINTS:
        kinds += [kind for kind in (endpoint.takes, endpoint.gives) if kind is not None]
    unique = list(dict.fromkeys(kinds))
    return dict(msgspec.json.schema_components(unique, ref_template=_REFERENCE)[1])


def _operation(endpoint: Endpoint, method: str) -> JsonObject:
    operation: JsonObject = {
        "operationId": f"{method.lower()}_{endpoint.does.__name__}_{endpoint.path.strip('/').split('/')[1]}",
        "summary": endpoint.summary,
        "parameters": list(_parameters(endpoint)),
        "responses": dict(_responses(endpoint, method)),
    }
    if endpoint.takes is not None:
        operation["requestBody"] = {
            "required": _has_required(endpoint.takes),
            "content": {"application/json": {"schema": _reference(endpoint.takes)}},
        }
    if endpoint.needs != OPEN:
        operation["security"] = [{"bearer": []}]
        operation["x-required-scope"] = {OWN: "the token itself", ANY: "any"}.get(
            endpoint.needs, endpoint.needs
        )
    return operation


def _has_required(kind: type[msgspec.Struct]) -> bool:
    return any(field.required for field in msgspec.structs.fields(kind))


def _parameters(endpoint: Endpoint) -> Iterator[JsonObject]:
    for name in _PLACE.findall(endpoint.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    for query in endpoint.query:
        schema: JsonObject = {"type": query.kind}
        if query.kind == "integer":
            schema |= {"minimum": 0, "maximum": 2**63 - 1}
        yield {"name": query.name, "in": "query", "schema": schema, "description": query.meaning}


def _responses(endpoint: Endpoint, method: str) -> Iterator[tuple[str, JsonObject]]:
    good: JsonObject = {"description": endpoint.summary, "headers": _SENT_HEADERS}
    if endpoint.status != 204 and method != "HEAD":
        schema: JsonObject = {} if endpoint.gives is None else _reference(endpoint.gives)
        good["content"] = {endpoint.media_type: {"schema": schema}}
    yield str(endpoint.status), good
    by_status: dict[int, list[str]] = {}
    for code in endpoint.error_codes:
        by_status.setdefault(STATUSES[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        problem: JsonObject = {
            "description": f"{TITLES[status]}: {', '.join(codes)}",
            "headers": _SENT_HEADERS,
        }
        if method != "HEAD":
            problem["content"] = {PROBLEM: {"schema": _reference(Problem)}}
        yield str(status), problem


def _reference(kind: type[msgspec.Struct]) -> JsonObject:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}
