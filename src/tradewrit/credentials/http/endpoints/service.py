"""The server about itself: its health, its figures, its keys."""

import msgspec

from tradewrit.credentials.http.bodies.answers import Health
from tradewrit.credentials.http.calls import Answer, Call, Service
from tradewrit.credentials.http.metrics import CONTENT_TYPE
from tradewrit.version import VERSION


def health(service: Service, _: Call) -> Health:
    """Say whether the server works; `degraded` when its store cannot be read."""
    is_well = service.authority.is_healthy()
    return Health(
        status="ok" if is_well else "degraded",
        version=VERSION,
        uptime=int(service.uptime_s()),
        db_connected=is_well,
        audit_events_count=service.authority.event_count() if is_well else 0,
    )


def metrics(service: Service, _: Call) -> Answer:
    """Show what the server has counted, for Prometheus."""
    is_well = service.authority.is_healthy()
    gauges = {
        "up": ("Whether the store can be read.", float(is_well)),
        "uptime_seconds": ("Time since the server started.", service.uptime_s()),
        "audit_events": ("Events in the audit chain.", service.authority.event_count() if is_well else 0),
        "killed": (
            "Whether the kill switch is on.",
            float(is_well and service.authority.kill_state() is not None),
        ),
    }
    return Answer(service.metrics.text(gauges).encode(), CONTENT_TYPE)


def jwks(service: Service, _: Call) -> Answer:
    """Publish the keys that verify tokens now, so that anybody can do so offline."""
    return Answer(service.authority.jwks(), "application/jwk-set+json")


def openapi(_: Service, __: Call) -> Answer:
    """Describe all of this (OpenAPI 3.1)."""
    # Inside, because the document is written from the table, which names this function.
    from tradewrit.credentials.http.openapi import document

    return Answer(msgspec.json.encode(document()))
