"""Every exception this package raises on purpose.

TradewritError
├── OurFault                    a bug or bad configuration here; never retried
│   ├── InvalidTransitionError  a state machine was asked for an edge it does not have
│   ├── ConfigError             a configuration file or value is wrong
│   ├── DataError               a market data file is missing, unreadable or wrong
│   ├── StrategyError           a strategy file raises, or does not define a strategy
│   │   └── StrategyOverdue     it did not come back in time and was stopped
│   ├── WrongVenue              another exchange or account answers than the journal belongs to
│   ├── PermissionDenied        an effect was asked for without a live grant that covers it
│   ├── KeyMaterialError        a key, a key set or the sealed store is missing, exposed or damaged
│   └── JournalError            the journal cannot be trusted, or cannot be written
│       ├── JournalConflict     somebody else appended first: read again, then decide
│       ├── JournalCorrupt      a record does not match its hash
│       ├── JournalUnwritable   disk full, read-only or gone; nothing was half-written
│       │   └── JournalBroken   the disk itself reported an error: open the journal anew, never go on
│       ├── LeaseHeld           another process runs this account: this one may not start
│       └── LeaseLost           this process may not write or send any more: it has to stop
└── TheirFault                  the venue, the network, the model
    ├── Unreachable             nothing is known about the outcome: ask, never resend blindly
    ├── Throttled               may be retried after `retry_after_s`
    └── Unauthorized            a fresh credential is needed
        ├── TokenRefused        a token was not accepted; the text never says why, `reason` does
        └── CredentialRefused   the credential authority says no: `code` for programs, `detail` for people

A refused or rejected order is not in this tree: it is an event.
"""


class TradewritError(Exception):
    """The root: catch this at a surface to turn a failure into a message."""


class OurFault(TradewritError):
    """A bug or bad configuration on our side; retrying cannot help."""


class InvalidTransitionError(OurFault):
    """A state machine was asked to take an edge that its table does not have."""

    def __init__(self, machine: str, state: str, wanted: str) -> None:
        super().__init__(f"{machine}: cannot transition from {state} on {wanted}")
        self.machine = machine
        self.state = state
        self.wanted = wanted


class ConfigError(OurFault):
    """A configuration file or value is wrong; the message names file, line and key."""


class DataError(OurFault):
    """A market data file is missing, unreadable or wrong; the message names what and where."""


class StrategyError(OurFault):
    """A strategy cannot be loaded, or raised while it was deciding."""


class StrategyOverdue(StrategyError):
    """A strategy did not come back in time and was stopped."""


class WrongVenue(OurFault):
    """Another exchange or account answers than the one the journal belongs to; nothing was done there."""


class PermissionDenied(OurFault):
    """An effect was asked for without a live grant that covers its scope."""


class KeyMaterialError(OurFault):
    """A key, a key set or the sealed store is missing, exposed or damaged; the message says which."""


class JournalError(OurFault):
    """The journal cannot be trusted, or cannot be written."""


class JournalConflict(JournalError):
    """Somebody else appended first: read again, then decide anew."""


class JournalCorrupt(JournalError):
    """A record does not match its hash, or the chain is broken."""


class JournalUnwritable(JournalError):
    """The journal could not be written (disk full, read-only, gone); nothing is half-written."""


class JournalBroken(JournalUnwritable):
    """The disk reported an error: what it says of its own state cannot be believed. The desk must end."""


class LeaseHeld(JournalError):
    """Another process holds the account's lease; the message names it, since when and until when."""


class LeaseLost(JournalError):
    """The lease ran out or went to another process: nothing may be written or sent, the desk must stop."""


class TheirFault(TradewritError):
    """The venue, the network or a model failed."""


class Unreachable(TheirFault):
    """Nothing is known about the outcome: ask the venue by client order id, never resend blindly."""


class Throttled(TheirFault):
    """The venue asked for patience; a retry may go out after `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unauthorized(TheirFault):
    """The credential is no longer accepted; a fresh one is needed before any retry."""


class TokenRefused(Unauthorized):
    """A token was not accepted.

    The text is the same for every cause: whoever presents a token must not learn whether it is forged,
    expired or revoked. `reason` is for the audit trail only.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("token verification failed")
        self.reason = reason


class CredentialRefused(Unauthorized):
    """The credential authority refused a request; nothing was issued and nothing consumed but a nonce.

    code: the protocol's `error_code` (`credentials.refusals.Code`). detail: one sentence for whoever asked.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
