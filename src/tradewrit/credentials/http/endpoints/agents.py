"""From an app to an agent: authenticate, launch, sign a challenge, register."""

from tradewrit.credentials.http.bodies.answers import AppToken, ChallengeAnswer, Launched, Policy, Registered
from tradewrit.credentials.http.bodies.asked import AppLogin, ToLaunch, ToRegister
from tradewrit.credentials.http.bodies.views import restricting
from tradewrit.credentials.http.calls import Call, Service
from tradewrit.credentials.requests import LaunchRequest, Registration
from tradewrit.domain.market import SECOND
from tradewrit.domain.times import iso


def app_auth(service: Service, call: Call) -> AppToken:
    """Exchange an app's id and secret for a token to launch agents with."""
    login: AppLogin = call.body
    issued = service.authority.app_token(login.client_id, login.client_secret)
    return AppToken(
        access_token=issued.token,
        expires_in=issued.expires_in,
        token_type="Bearer",  # noqa: S106 - a name
        scopes=issued.claims.scope,
    )


def launch(service: Service, call: Call) -> Launched:
    """Make a launch token: whoever holds it may register an agent with at most these scopes."""
    asked: ToLaunch = call.body
    assert call.claims is not None  # noqa: S101 - the table asks for a scope
    request = LaunchRequest(
        agent_name=asked.agent_name,
        allowed_scope=asked.allowed_scope,
        max_ttl_s=asked.max_ttl,
        is_single_use=asked.single_use,
        ttl_s=asked.ttl,
        constraints=asked.constraints,
        needs_proof=asked.needs_proof,
        is_protective=asked.protective,
    )
    made = service.authority.launch(call.claims, request)
    policy = Policy(
        allowed_scope=made.allowed_scope, max_ttl=made.max_ttl_s, constraints=restricting(made.constraints)
    )
    # Whole seconds; cut, so that nobody counts on an instant that is already too late.
    expires_at = iso(made.expires_at // SECOND * SECOND)
    return Launched(launch_token=made.secret, expires_at=expires_at, policy=policy)


def challenge(service: Service, _: Call) -> ChallengeAnswer:
    """Give a nonce to sign, good for half a minute and once."""
    made = service.authority.challenge()
    return ChallengeAnswer(nonce=made.nonce, expires_in=made.expires_in)


def register(service: Service, call: Call) -> Registered:
    """Give an agent its identity and its first token, for a launch token and a signed nonce."""
    asked: ToRegister = call.body
    issued = service.authority.register(
        Registration(
            launch_token=asked.launch_token,
            nonce=asked.nonce,
            public_key=asked.public_key,
            signature=asked.signature,
            orch_id=asked.orch_id,
            task_id=asked.task_id,
            requested_scope=asked.requested_scope,
        )
    )
    return Registered(agent_id=issued.claims.sub, access_token=issued.token, expires_in=issued.expires_in)
