"""Tokens in use: look at one, renew it, give it up, pass a part of it on."""

from tradewrit.credentials.http.bodies.answers import Delegated, Renewed, StatusView, Validity
from tradewrit.credentials.http.bodies.asked import ToAskStatus, ToDelegate, ToValidate
from tradewrit.credentials.http.bodies.views import status_view
from tradewrit.credentials.http.calls import Call, Service
from tradewrit.credentials.requests import DelegationRequest


def validate(service: Service, call: Call) -> Validity:
    """Say whether a token is live, and what it permits; to anybody who has it."""
    asked: ToValidate = call.body
    claims = service.authority.validate(asked.token)
    if claims is None:
        return Validity(valid=False, error="token is invalid or expired")
    return Validity(valid=True, claims=claims)


def status(service: Service, call: Call) -> StatusView:
    """Say how the bearer's token stands, live or dead, who ended it, and whether the kill switch is on."""
    asked: ToAskStatus = call.body
    return status_view(service.authority.status(call.bearer, asked.tokens))


def renew(service: Service, call: Call) -> Renewed:
    """Replace the bearer's token by one that lives as long anew; the old one is dead at once."""
    issued = service.authority.renew(call.bearer)
    return Renewed(access_token=issued.token, expires_in=issued.expires_in)


def release(service: Service, call: Call) -> None:
    """Give the bearer's token up; one that is already dead is as good as released."""
    service.authority.release(call.bearer)


def delegate(service: Service, call: Call) -> Delegated:
    """Give another agent a part of the bearer's permission, for no longer than it lasts."""
    asked: ToDelegate = call.body
    request = DelegationRequest(
        to=asked.delegate_to, scope=asked.scope, ttl_s=asked.ttl, constraints=asked.constraints
    )
    issued = service.authority.delegate(call.bearer, request)
    return Delegated(
        access_token=issued.token,
        expires_in=issued.expires_in,
        delegation_chain=issued.claims.delegation_chain,
    )
