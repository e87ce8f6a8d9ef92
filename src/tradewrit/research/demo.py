"""The demonstration: the default strategy on real daily prices, through the whole desk, on disk.

Writes a folder and nothing outside it: the bars, journal, exported head, trades, report, and a note by
which a later run recognises the folder as its own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from tradewrit.credentials.authority import Authority
from tradewrit.credentials.desk import AuthorityIssuer
from tradewrit.credentials.home import open_home
from tradewrit.credentials.settings import Terms as AuthorityTerms
from tradewrit.domain.events.base import Event
from tradewrit.errors import ConfigError
from tradewrit.features.bars import Bars
from tradewrit.market.sample import PROVENANCE, sample_bars
from tradewrit.market.store import write_bars
from tradewrit.research.backtest.events import Run, run, terms_of
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.metrics import Metrics, compute
from tradewrit.research.report import write_report
from tradewrit.research.results import write_trades_csv, write_whole
from tradewrit.runtime.clock import Clock, Entropy, Stopwatch, draw_journal_id, seeded, system_entropy
from tradewrit.runtime.issuer import Issuer
from tradewrit.runtime.journal.heads import write_head
from tradewrit.runtime.journal.port import Verification
from tradewrit.runtime.journal.records import Record
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.journal.sqlite_file import Settings, Synchronous
from tradewrit.runtime.replay import Replayed, event_of, replay, snapshot_of
from tradewrit.runtime.roles import Terms
from tradewrit.runtime.strategies import load_strategy

ACCOUNT: Final = "demo"
STRATEGY: Final = "trend_following"
PACE: Final = 365
"""Seconds of the tape for which a token of an authority elsewhere lasts one of its own: a year for a day."""
NOTES: Final = (
    f"{PROVENANCE}. Prices are adjusted for splits and dividends.",
    "Five companies known to have done well: the desk at work, and no evidence that the strategy earns.",
    "At most $1000 go into one position, so nearly all of the account stays in cash.",
    "Paper fills: a market order fills whole at the next open, a stop at its price or at the open beyond it.",
)
_MADE_BY: Final = "tradewrit demo"
_NOTE: Final = "demo.json"
_JOURNAL: Final = "journal.sqlite"
_HOME: Final = "home"
_LONGEST_NAME: Final = 16
"""Bytes of a token's id, the longest of what is drawn as a name; keys and secrets have 32."""
_A_YEAR_S: Final = 365 * 86_400
# A bar is a day: tokens of minutes would have to be renewed a hundred times between two of them.
_TERMS: Final = AuthorityTerms(
    max_ttl_s=_A_YEAR_S, total_life_s=100 * _A_YEAR_S, rotation_overlap_s=_A_YEAR_S
)

Progress = Callable[[int], None]


class Demo(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A finished demonstration. lines: every journal record with its event, as read back from disk.

    verify_seconds, replay_seconds: wall clock.
    """

    folder: Path
    run: Run
    metrics: Metrics
    lines: Sequence[tuple[Record, Event]]
    verification: Verification
    replayed: Replayed
    verify_seconds: float
    replay_seconds: float

    @property
    def is_replay_equal(self) -> bool:
        """Whether folding the journal gave the books that the run ended with."""
        return self.replayed.state_hash == self.run.books.state_hash

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.folder / _JOURNAL

    @property
    def bars(self) -> Path:
        """The bars it ran on, for a backtest of one's own."""
        return self.folder / "bars.csv"

    @property
    def home(self) -> Path:
        """The home folder of the authority that issued the writs."""
        return self.folder / _HOME

    @property
    def head(self) -> Path:
        """The exported head, to verify the journal against."""
        return self.folder / "head.json"

    @property
    def trades(self) -> Path:
        """One row per closed trade."""
        return self.folder / "trades.csv"

    @property
    def report(self) -> Path:
        """The report for the browser."""
        return self.folder / "report.html"


class _Note(msgspec.Struct, frozen=True):
    """What makes a folder ours, and what in it may be replaced."""

    made_by: str
    files: tuple[str, ...]


_FILES: Final = (
    "bars.csv",
    "head.json",
    f"{_HOME}/credentials.db",
    f"{_HOME}/credentials.db-shm",
    f"{_HOME}/credentials.db-wal",
    f"{_HOME}/nonce.key",
    f"{_HOME}/.nonce.key.lock",
    f"{_HOME}/signing.pem",
    f"{_HOME}/.signing.pem.lock",
    _JOURNAL,
    f"{_JOURNAL}-shm",
    f"{_JOURNAL}-wal",
    "report.html",
    "trades.csv",
)


def prepare(folder: Path) -> None:
    """Make the folder, or empty it of what an earlier demonstration wrote; nothing else is touched.

    Raises ConfigError when it is not a folder, cannot be written, or holds what we did not make.
    """
    try:
        if folder.is_dir() and any(folder.iterdir()):
            _clear(folder)
        folder.mkdir(parents=True, exist_ok=True)
        # First of all, so that the folder of a run that was interrupted is recognised as well.
        write_whole(folder / _NOTE, [msgspec.json.encode(_Note(_MADE_BY, _FILES)).decode(), "\n"])
    except OSError as why:
        raise ConfigError(
            f"cannot write to {folder}: {why.strerror or why}; choose another folder with --out"
        ) from why


def _clear(folder: Path) -> None:
    for name in _noted(folder):
        (folder / name).unlink(missing_ok=True)


def _noted(folder: Path) -> tuple[str, ...]:
    """Names of the files that an earlier demonstration wrote there."""
    try:
        note = msgspec.json.decode((folder / _NOTE).read_bytes(), type=_Note)
    except (OSError, msgspec.MsgspecError):
        note = None
    if note is None or note.made_by != _MADE_BY:
        raise ConfigError(
            f"{folder} holds files that are not from an earlier demo, and they are left alone; "
            "choose another folder with --out"
        )
    return tuple(name for name in note.files if name in _FILES)


def run_demo(
    folder: Path,
    bars: Sequence[Bars],
    *,
    seed: int = 0,
    synchronous: Synchronous = "NORMAL",
    created_at: int | None = None,
    load_seconds: float = 0.0,
    progress: Progress | None = None,
    issuer: Issuer | None = None,
) -> Demo:
    """Trade `bars` on paper with the journal in `folder`; then verify, replay, export and report.

    bars: see `demo_bars`. seed: names the journal and with it every order; the same seed, the same ids.
    synchronous: NORMAL survives a crash of the program, FULL one of the machine, at a price.
    created_at: UTC ns, kept in the journal.
    issuer: whoever gives writs for `demo_terms`; an authority in the folder, of its own, if none is given.
    Raises ConfigError for the folder (see `prepare`) and JournalUnwritable for a full disk.
    """
    prepare(folder)
    setup = _setup(seed)
    opened = SqliteJournal.open(
        folder / _JOURNAL, id=draw_journal_id(seed), created_at=created_at, synchronous=synchronous
    )
    with ExitStack() as stack, closing(opened) as journal:
        done = run(
            bars,
            load_strategy(STRATEGY),
            setup,
            journal=journal,
            progress=progress,
            load_seconds=load_seconds,
            issuer=lambda clock, terms: (
                stack.enter_context(_issuing(folder, seed, clock, terms)) if issuer is None else issuer
            ),
        )
        watch = Stopwatch()
        verification = journal.verify(done.stream)
        verify_seconds = watch.wall()
        watch = Stopwatch()
        replayed = replay(journal, done.stream)
        replay_seconds = watch.wall()
        journal.save_snapshot(snapshot_of(done.books, done.stream, verification.head.seq))
        lines = [(record, event_of(record)) for record in journal.read(done.stream)]
    demo = Demo(
        folder=folder,
        run=done,
        metrics=compute(done.result, bars={one.symbol: one for one in bars}),
        lines=lines,
        verification=verification,
        replayed=replayed,
        verify_seconds=verify_seconds,
        replay_seconds=replay_seconds,
    )
    _export(demo, bars)
    return demo


def demo_terms(bars: Sequence[Bars]) -> Mapping[str, Terms]:
    """What each role of a demonstration on these bars is given."""
    return terms_of(_setup(0), [one.symbol for one in bars])


def _setup(seed: int) -> Setup:
    return Setup(account=ACCOUNT, mode="paper", seed=seed)


@contextmanager
def _issuing(folder: Path, seed: int, clock: Clock, terms: Mapping[str, Terms]) -> Iterator[Issuer]:
    """A whole authority of the demonstration's own, with keys in its folder, on the clock of the bars."""
    home = open_home(folder / _HOME)
    entropy = _entropy(seed)
    with Authority.open(
        home, clock=clock, entropy=entropy, terms=_TERMS, file=Settings(synchronous="NORMAL")
    ) as authority:
        yield AuthorityIssuer(authority, ACCOUNT, terms, ttl_s=_A_YEAR_S)


def _entropy(seed: int) -> Entropy:
    """What is secret from the system; names, which stand in the journal, from the seed."""
    named = seeded(seed, "demo writs")

    def draw(size: int) -> bytes:
        return named.randbytes(size) if size <= _LONGEST_NAME else system_entropy(size)

    return draw


def demo_bars() -> list[Bars]:
    """The real daily prices of the demonstration; raises DataError when they are not installed."""
    return sample_bars()


def _export(demo: Demo, bars: Sequence[Bars]) -> None:
    write_bars(demo.bars, bars)
    write_head(demo.head, demo.verification.head)
    write_trades_csv(demo.trades, demo.run.result.trades)
    write_report(
        demo.run.result,
        demo.metrics,
        {one.symbol: one for one in bars},
        demo.report,
        title="Tradewrit demo: trend_following on real daily prices",
        notes=NOTES,
    )
