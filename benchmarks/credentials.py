"""What a credential costs where it is checked, against the bare primitives of `cryptography`.

    python -m benchmarks.credentials [--rounds 15] [--tokens 1000000] [--quick] [--json]

Check of a token that was verified before, its trading constraints included: under a tenth of one Ed25519
verification. Of one never seen: at most 1.5 times a bare verification and the JSON decoding of its claims,
for signature and claims alone, and for the first check by the authority, which asks the store. CPU seconds;
the sides alternate in rounds of one process, and the median of their ratios counts. Each new token is first
given to the primitives and then to the check: neither finds the processor's caches warmer than the other, as
it would if it did one thing three hundred times over.

Then memory: tokens are issued, checked, and left to expire, all through one authority that prunes. Resident
memory, and the file without its audit trail (which is meant to grow), after a tenth and at the end.
"""

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tradewrit.credentials.audit import AuditEvent, EventType
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.claims import Claims, trading_claim
from tradewrit.credentials.context import Context
from tradewrit.credentials.encoding import decode
from tradewrit.credentials.home import open_home
from tradewrit.credentials.issuing import entered, new_claims
from tradewrit.credentials.requests import Issued
from tradewrit.credentials.settings import Terms
from tradewrit.credentials.tokens import verify
from tradewrit.domain.constraints import Constraints, DayUse, Hours, Request, violations
from tradewrit.domain.market import SECOND
from tradewrit.domain.orders import Side
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.journal.sqlite_file import Settings

WARM_TARGET: Final = 0.1
COLD_TARGET: Final = 1.5
GROWTH_TARGET: Final = 1.05
NOW: Final = 1_790_000_000 * SECOND
AGENT: Final = "spiffe://agentwrit.local/agent/desk/swing/00112233aabbccdd"
SCOPE: Final = ("read:trades:AAPL", "write:trades:AAPL")
TTL_S: Final = 300
BATCH: Final = 1_000
CONSTRAINTS: Final = Constraints(
    sides=(Side.BUY, Side.SELL),
    max_quantity=Decimal(100),
    max_notional=Decimal(50_000),
    max_day_orders=50,
    hours=(Hours.parse("09:30-15:30 America/New_York"),),
    venues=("paper",),
    modes=("paper",),
)
_read_claims: Final = msgspec.json.Decoder(Claims).decode
ORDER: Final = Request(
    side=Side.BUY, quantity=Decimal(10), notional=Decimal(1_900), venue="paper", mode="paper", reduces=False
)


def main() -> int:
    """Measure and print; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description="Cost of checking a credential.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--tokens", type=int, default=1_000_000, help="issued and expired")
    parser.add_argument("--quick", action="store_true", help="20,000 tokens")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = checks(Path(folder) / "checks", wanted.rounds) | memory(
            Path(folder) / "memory", 20_000 if wanted.quick else wanted.tokens
        )
    print(json.dumps(results) if wanted.json else told(results))
    targets = {"warm": WARM_TARGET, "genuine": COLD_TARGET, "cold": COLD_TARGET, "growth": GROWTH_TARGET}
    is_met = all(results[name] <= target for name, target in targets.items())
    return 0 if is_met else 1


def told(results: dict[str, Any]) -> str:
    """The figures, for people."""
    lines = [
        f"Ed25519 verification         {results['bare_us']:8.1f} us",
        f"  and decoding, token by token {results['primitives_us']:6.1f} us",
    ]
    for name, what, target in (
        ("warm", "check of a verified token", f"under {WARM_TARGET}"),
        ("genuine", "signature and claims, new", f"at most {COLD_TARGET}"),
        ("cold", "first check, store included", f"at most {COLD_TARGET}"),
    ):
        lines.append(f"{what:<28} {results[f'{name}_us']:8.1f} us  {results[name]:.3f} ({target})")
    lines.append(f"{results['tokens']:,} tokens issued and expired, {results['token_us']:.0f} us each")
    for unit, what in (("mb", "resident memory"), ("kb", "file without the audit trail")):
        before, after = results[unit]
        lines.append(f"  {what}, in {unit.upper()}: {before:.1f} to {after:.1f}")
    return "\n".join(lines)


def opened(folder: Path, clock: ManualClock) -> Authority:
    """An authority that waits for no disk: what is measured here is not one."""
    terms = Terms(verified_tokens=4_096)
    home = open_home(folder)
    return Authority.open(home, clock=clock, terms=terms, file=Settings(synchronous="OFF"))


def issue(context: Context, count: int) -> list[Issued]:
    """That many tokens in one change."""

    def claims(now: int) -> Claims:
        plain = new_claims(context, now, sub=AGENT, ttl_s=TTL_S, scope=SCOPE)
        return msgspec.structs.replace(
            plain, task_id="swing", orch_id="desk", trading=trading_claim(CONSTRAINTS)
        )

    now = context.clock.now()
    with context.store.change(now) as change:
        made = [entered(context, change, claims(now)) for _ in range(count)]
        change.record(AuditEvent(type=EventType.TOKEN_ISSUED, at=now, agent_id=AGENT))
    return [issued for issued in made if issued is not None]


class Round(NamedTuple):
    """Microseconds. beside_*: of the primitives, for the very tokens that were then checked."""

    bare: float
    warm: float
    beside_genuine: float
    genuine: float
    beside_cold: float
    cold: float


def checks(folder: Path, rounds: int) -> dict[str, Any]:
    """Microseconds and ratios of the checks."""
    clock = ManualClock(at=NOW)
    with opened(folder, clock) as authority:
        measured = list(_rounds(authority, rounds))
    middle = Round(*(statistics.median(side) for side in zip(*measured, strict=True)))
    return {
        "bare_us": middle.bare,
        "primitives_us": middle.beside_cold,
        "warm_us": middle.warm,
        "genuine_us": middle.genuine,
        "cold_us": middle.cold,
        "warm": statistics.median(each.warm / each.bare for each in measured),
        "genuine": statistics.median(each.genuine / each.beside_genuine for each in measured),
        "cold": statistics.median(each.cold / each.beside_cold for each in measured),
    }


def _rounds(authority: Authority, rounds: int) -> Iterator[Round]:
    context = authority._context  # noqa: SLF001 - the benchmark looks inside
    for number in range(rounds + 1):
        known, *new = (issued.token for issued in issue(context, 300))
        bare = Primitives(authority, known)
        authority.verify(known)
        now = context.clock.now()

        def warm(known: str = known, now: int = now) -> object:
            return violations(authority.verify(known).constraints, ORDER, DayUse(), now)

        measured = Round(
            microseconds(bare.verify, 299),
            microseconds(warm, 3_000),
            *beside_primitives(authority, new, lambda token: genuine(authority, token)),
            *beside_primitives(authority, new, authority.verify),
        )
        # The first round fills caches of the processor and of SQLite.
        if number:
            yield measured


class Primitives:
    """The least that has to be done to a token, with everything it takes laid ready."""

    def __init__(self, authority: Authority, token: str) -> None:
        signed, _, signature = token.rpartition(".")
        self._key = Ed25519PublicKey.from_public_bytes(authority.key_set().keys[0].key.raw)
        self._message, self._signature = signed.encode(), decode(signature)
        self._claims = decode(signed.partition(".")[2])

    def verify(self) -> None:
        """One bare verification."""
        self._key.verify(self._signature, self._message)

    def verify_and_decode(self) -> object:
        """The same, and the JSON of the claims."""
        self.verify()
        return _read_claims(self._claims)


def beside_primitives(
    authority: Authority, tokens: list[str], check: Callable[[str], object]
) -> tuple[float, float]:
    """CPU microseconds a token of the primitives and of a check, in turn on one token after the other."""
    laid_ready = [(Primitives(authority, token), token) for token in tokens]
    bare = checked = 0
    for primitives, token in laid_ready:
        began = time.process_time_ns()
        primitives.verify_and_decode()
        between = time.process_time_ns()
        check(token)
        checked += time.process_time_ns() - between
        bare += between - began
    return bare / len(tokens) / 1e3, checked / len(tokens) / 1e3


def genuine(authority: Authority, token: str) -> object:
    """Signature and claims, without the store."""
    return verify(token, authority.key_set(), now=NOW)


def microseconds(call: Callable[[], object], times: int) -> float:
    """CPU time of one call."""
    began = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - began) / times * 1e6


def memory(folder: Path, tokens: int) -> dict[str, Any]:
    """Memory and file size while tokens come and go."""
    clock = ManualClock(at=NOW)
    batches = max(tokens // BATCH, 10)
    sizes: list[tuple[float, float]] = []
    began = time.process_time()
    with opened(folder, clock) as authority:
        for number in range(1, batches + 1):
            for issued in issue(authority._context, BATCH):  # noqa: SLF001
                authority.verify(issued.token)
            clock.advance(TTL_S * SECOND)
            authority.prune()
            if number in {batches // 10, batches}:
                sizes.append((resident_mb(), state_kb(authority)))
    spent = time.process_time() - began
    (memory_before, file_before), (memory_after, file_after) = sizes
    return {
        "tokens": batches * BATCH,
        "token_us": spent / (batches * BATCH) * 1e6,
        "mb": (memory_before, memory_after),
        "kb": (file_before, file_after),
        "growth": max(memory_after / memory_before, file_after / file_before),
    }


def resident_mb() -> float:
    """What this process holds in memory now; where the system does not say, the most it ever held."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def state_kb(authority: Authority) -> float:
    """The pages of the store's file that hold no audit event."""
    connection = authority._context.store._connection  # noqa: SLF001
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (audit,) = connection.execute(
        "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name LIKE 'audit%' AND aggregate = 1"
    ).fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return float(pages * size - audit) / 1e3


if __name__ == "__main__":
    raise SystemExit(main())
