"""Canaries: unique texts put in wherever a secret goes in, and a search of all that comes out.

    birds = Canaries()
    value = birds.new("broker key")                  # one of ours, to be put in
    birds.watch("client secret", made.client_secret)  # one that the code drew
    ...
    birds.refuse(answer.text, "the answer of /v1/health")
    birds.refuse_under(home)

A canary is found as it stands and in the spellings that hide it from a plain search: base64 at each of
its three alignments, hexadecimal, UTF-16, percent-encoding, and the bytes that a hexadecimal text spells.
"""

import base64
import logging
import sqlite3
import traceback
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from tradewrit.runtime.clock import system_entropy


class Canaries:
    """The secrets of one test, each under the name by which a failure tells of it."""

    def __init__(self) -> None:
        self._spellings: dict[str, tuple[bytes, ...]] = {}

    def new(self, name: str) -> str:
        """A fresh one: letters and digits, so that no format has to escape it."""
        return self.watch(name, f"canary{system_entropy(16).hex()}")

    def watch(self, name: str, text: str) -> str:
        """One that is there already; of a token it is the signature that nobody else could make."""
        self._spellings[name] = tuple(_spellings(text.rpartition(".")[2]))
        return text

    def found_in(self, content: bytes | str) -> set[str]:
        """The names of those that stand in it, in any spelling."""
        raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        folded = raw.lower()  # hexadecimal is written both ways, and a canary's own case matters to nobody
        return {
            name
            for name, spellings in self._spellings.items()
            if any(one in raw or one.lower() in folded for one in spellings)
        }

    def refuse(self, content: bytes | str, where: str) -> None:
        """Fail when one stands in it. The message says which and where, and not what."""
        found = self.found_in(content)
        assert not found, f"{', '.join(sorted(found))} can be read in {where}"

    def refuse_error(self, error: BaseException) -> None:
        """Fail when one stands in an exception, its causes and contexts, or their tracebacks."""
        self.refuse("".join(traceback.format_exception(error)), f"the traceback of {type(error).__name__}")
        seen: BaseException | None = error
        while seen is not None:
            self.refuse(f"{seen!r} {seen} {seen.args!r}", f"{type(seen).__name__} itself")
            seen = seen.__cause__ or seen.__context__

    def refuse_under(self, *folders: Path) -> int:
        """Fail when one stands in any file below, its name, or a value in its tables; counts the files."""
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        for path in files:
            self.refuse(str(path), f"the name of {path.name}")
            self.refuse(path.read_bytes(), str(path))
            for table, value in _values(path):
                self.refuse(value, f"table {table} of {path}")
        return len(files)

    @contextmanager
    def watched_logs(self, *, but: Sequence[str] = ()) -> Iterator[None]:
        """Hear every log record of every library, debugging ones too; fail when one tells.

        but: loggers of the test's own side, such as an HTTP client that tells what it was told to send.
        """
        heard = _Heard(but)
        root = logging.getLogger()
        before, disabled = root.level, root.manager.disable
        root.addHandler(heard)
        root.setLevel(logging.DEBUG)
        logging.disable(logging.NOTSET)
        try:
            yield
        finally:
            root.removeHandler(heard)
            root.setLevel(before)
            logging.disable(disabled)
        for name, told in heard.told:
            self.refuse(told, f"a log record of {name}")


class _Heard(logging.Handler):
    """Keeps records as a formatter would write them, and their arguments, which one might."""

    def __init__(self, but: Sequence[str]) -> None:
        super().__init__(logging.DEBUG)
        self.told: list[tuple[str, str]] = []
        self._but = frozenset(but)

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] in self._but:
            return
        self.told.append((record.name, f"{logging.Formatter().format(record)} {vars(record)!r}"))


def _spellings(text: str) -> Iterator[bytes]:
    raw = text.encode()
    yield raw
    yield quote(text, safe="").encode()
    yield text.encode("utf-16-le")
    yield raw.hex().encode()
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + raw)
        # What the neighbours share in is cut away at both ends.
        core = coded[(0, 2, 3)[shift] : len(coded) - 4]
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))
    if len(text) % 2 == 0 and not set(text) - set("0123456789abcdef"):
        yield bytes.fromhex(text)


def _values(path: Path) -> Iterator[tuple[str, bytes | str]]:
    """Every text and blob in the tables of an SQLite file: a page may break one in two."""
    with path.open("rb") as file:
        if not file.read(16).startswith(b"SQLite format 3"):
            return
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                yield from ((table, value) for value in row if isinstance(value, (bytes, str)))
