"""docs/reference/credentials-http.md: every endpoint of the credential server, and every body."""

from collections.abc import Iterator
from typing import Final

from tradewrit.credentials.claims import Claims
from tradewrit.credentials.http.problems import STATUSES, Problem
from tradewrit.credentials.http.settings import DEFAULT_PORT, MAX_BODY_BYTES, Patience
from tradewrit.credentials.http.table import ANY, ENDPOINTS, OPEN, OWN, Endpoint
from tradewrit.domain.constraints import Constraints, Hours
from tradewrit.surfaces.docs.http import bodies, errors_tables
from tradewrit.surfaces.docs.markdown import code, table

_INTRODUCTION: Final = """\
# The credential server

`tradewrit credentials serve` speaks the AgentWrit protocol, so its clients work unchanged; what goes beyond
that protocol is optional in every body. How to run it: [Run the authority](../how-to/run-the-authority.md).
The same as OpenAPI 3.1: `GET /v1/openapi.json`.

- JSON in and out, times in UTC, durations in whole seconds. Fields a body does not have are ignored, except
  inside `constraints`: a misspelt constraint must not pass for none. The request's `Content-Type` is not
  looked at, and an empty body stands for `{{}}`.
- A permission is shown as `Authorization: Bearer <token>`, exactly so. A token with a `cnf` claim counts only
  with a proof of possession beside it: a `DPoP` header (RFC 9449) signed with the agent's own Ed25519 key,
  for this method and this address, used once.
- Every answer has `X-Request-Id` (the request's own, or one that is drawn), `Cache-Control: no-store`,
  `X-Content-Type-Options: nosniff` and `X-Frame-Options: DENY`; over TLS also `Strict-Transport-Security`.
- A body has at most {body:,} bytes. The headers must arrive within {patience.head_s:g} s, the body within
  {patience.body_s:g} s; an answer must be taken within {patience.answer_s:g} s, and a connection nobody uses
  is closed after {patience.idle_s:g} s.
- `HEAD` works wherever `GET` does. The default port is {port}.

## Endpoints

"""

_ERRORS: Final = """
Beyond what stands under "Refuses":

- without a live token 401 `unauthorized`, where one is needed: forged, expired and revoked look alike;
  without its scope 403 `insufficient_scope`;
- a body or a parameter that is wrong: 400 `invalid_request`, 413 `payload_too_large`, 408 `timeout`;
- a path that is not here: 404 `not_found`; a method that is not: 405 `method_not_allowed`, with `Allow`;
- too many requests from one address, or too many that were refused: 429 `rate_limited`, with `Retry-After`; a
  live token is let through all the same;
- a store or a key that cannot be used, or too many requests at once: 503 `unavailable`, and nothing was
  handed out; a bug of ours: 500 `internal_error`.

## Errors

An error is a problem document (RFC 9457), `application/problem+json`. `error_code` is for programs and stays;
`detail` is for people and may be reworded.

"""


def credentials_http_page() -> str:
    """The whole page, in Markdown."""
    introduction = _INTRODUCTION.format(body=MAX_BODY_BYTES, patience=Patience(), port=DEFAULT_PORT)
    return (
        introduction
        + table(("Endpoint", "Needs", "What it does", "Takes", "Answers", "Refuses"), map(_row, ENDPOINTS))
        + _ERRORS
        + errors_tables(STATUSES, Problem)
        + "\n## Query parameters\n\n"
        + table(("Endpoint", "Parameter", "Meaning"), _queries())
        + "\n## Bodies\n"
        + bodies(ENDPOINTS, Claims, Constraints, Hours)
    )


def _row(endpoint: Endpoint) -> tuple[str, ...]:
    needs = {OPEN: "", OWN: "its own token", ANY: "any live token"}.get(endpoint.needs)
    gives = (
        code(endpoint.gives.__name__)
        if endpoint.gives
        else endpoint.media_type
        if endpoint.status == 200
        else ""
    )
    return (
        code(f"{endpoint.method} {endpoint.path}"),
        code(endpoint.needs) if needs is None else needs,
        endpoint.summary,
        code(endpoint.takes.__name__) if endpoint.takes else "",
        f"{endpoint.status} {'' if endpoint.status == 204 else gives}".strip(),
        ", ".join(code(name) for name in (*endpoint.refuses, *(["rate_limited"] if endpoint.limits else []))),
    )


def _queries() -> Iterator[tuple[str, ...]]:
    for endpoint in ENDPOINTS:
        for query in endpoint.query:
            yield code(f"{endpoint.method} {endpoint.path}"), code(query.name), query.meaning
