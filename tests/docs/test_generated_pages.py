"""The generated reference pages are fresh, and hold what a reader comes for.

What they must hold is looked up in the code by another way than the generator's.
"""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tradewrit.credentials.http.problems import STATUSES
from tradewrit.credentials.http.table import ENDPOINTS
from tradewrit.domain import effects, orders, reviews, trades
from tradewrit.domain.events.orders import OrderRequested
from tradewrit.domain.events.registry import ALIASES, BY_NAME, EVENTS, name_of
from tradewrit.domain.limits import PROFILES, Limits
from tradewrit.kernel import AGENTS
from tradewrit.runtime.roles import ROLE_SCOPES
from tradewrit.surfaces.docs.events import listeners, speakers
from tradewrit.surfaces.docs.limits import refusals
from tradewrit.surfaces.docs.markdown import explained, table
from tradewrit.surfaces.docs.pages import FOLDER, PAGES, stale, write
from tradewrit.surfaces.docs.scopes import kinds, needed

ROOT = Path(__file__).parents[2]
MACHINES = (trades, orders, reviews)


def page(name: str) -> str:
    return (ROOT / FOLDER / name).read_text(encoding="utf-8")


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tradewrit.surfaces.docs", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT / "src")},
    )


@pytest.mark.parametrize("name", PAGES)
def test_the_page_says_what_the_code_says(name: str) -> None:
    assert page(name) == PAGES[name](), "run python -m tradewrit.surfaces.docs"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_comes_out_the_same_every_time(name: str) -> None:
    assert PAGES[name]() == PAGES[name]()


def test_the_command_writes_what_is_stale_and_checks_without_writing(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    checked = command("--check", "--root", tmp_path)
    assert checked.returncode == 1
    assert f"{FOLDER}/states.md: stale" in checked.stdout
    assert "to write what is stale" in checked.stderr
    assert list(folder.iterdir()) == []

    assert sorted(write(tmp_path)) == sorted(PAGES)
    (folder / "states.md").write_text("out of date", encoding="utf-8")
    assert stale(tmp_path) == ["states.md"]
    assert write(tmp_path) == ["states.md"]
    again = command("--check", "--root", tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.count(": fresh") == len(PAGES)


def test_the_command_in_the_wrong_place_says_where_it_wants_to_be(tmp_path: Path) -> None:
    lost = command("--root", tmp_path)
    assert lost.returncode == 2
    assert "is no folder: run this in a checkout" in lost.stderr


# -- states


@pytest.mark.parametrize("module", MACHINES, ids=lambda module: module.__name__)
def test_every_move_stands_in_a_diagram_and_in_a_table(module: object) -> None:
    text = page("states.md")
    for state, moves in vars(module)["TRANSITIONS"].items():
        for on, after in moves.items():
            assert f"| `{state}` | `{on}` | `{after}` |" in text
            assert re.search(rf"^    {state} --> {after}: (\w+, )*{on}\b", text, re.MULTILINE)


def test_the_page_holds_no_move_that_is_not_in_a_table() -> None:
    rows = re.findall(r"^\| `\w+` \| `\w+` \| `\w+` \|", page("states.md"), re.MULTILINE)
    assert len(rows) == sum(len(moves) for module in MACHINES for moves in module.TRANSITIONS.values())


def test_the_page_names_where_each_machine_ends_and_why_odd_moves_are_there() -> None:
    text = page("states.md")
    assert "Ends: `closed`, `rejected`, `aborted`, `expired`." in text
    assert "Ends: `cancelled`, `expired`, `filled`, `rejected`." in text
    assert (
        "| `submitted` | `fill_some` | `partially_filled` | venues may fill before they acknowledge |" in text
    )


# -- events


@pytest.mark.parametrize("kind", EVENTS, ids=name_of)
def test_an_event_has_its_entry_with_every_field_and_its_docstring(kind: type[msgspec.Struct]) -> None:
    name = next(name for name, known in BY_NAME.items() if known is kind)
    (entry,) = re.findall(
        rf"^### `{re.escape(name)}`\n(.*?)(?=^##)", page("events.md"), re.MULTILINE | re.DOTALL
    )
    assert f"`{kind.__name__}`: " in entry
    listed = re.findall(r"^\| `(\w+)` \|", entry, re.MULTILINE)
    assert listed == [field for field in kind.__struct_fields__ if field not in {"at", "trace"}]
    missing = set((kind.__doc__ or "").split()) - set(entry.split())
    assert {word.strip(",:") for word in missing} <= set(kind.__struct_fields__)


def test_every_other_spelling_is_listed_with_its_event() -> None:
    for spelling, name in ALIASES.items():
        assert f"| `{spelling}` | `{name}` |" in page("events.md")


def test_every_link_of_the_overview_leads_to_a_heading() -> None:
    text = page("events.md")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert len(links) == len(EVENTS)
    assert set(links) <= anchors
    assert len(headings) == len(set(headings))


def test_every_structure_and_word_that_a_field_is_made_of_is_explained() -> None:
    text = page("events.md")
    types = set(re.findall(r"^\| `\w+` \| ([^|]+) \| [^|]*\| [^|]*\|$", text, re.MULTILINE))
    words = {word for line in types for word in re.findall(r"\b[A-Z]\w+", line)} - {"Price", "Qty"}
    assert {"Fill", "OrderTerms", "Sized", "Proposal", "Side", "Exec", "Breach"} <= words
    assert all(f"\n### {word}\n" in text for word in words)


@pytest.mark.parametrize(
    ("name", "said_by", "heard_by"),
    [
        ("market_data.bars.closed", "", "bookkeeper risk_officer position_keeper strategist"),
        ("strategy.entry.signal", "strategist", "risk_officer"),
        ("risk.trade.approved", "risk_officer", "reviewer"),
        ("review.task.approved", "reviewer", "executor"),
        ("order.submit.requested", "executor", ""),
        ("order.fill.completed", "executor", "bookkeeper"),
        ("position.fill.booked", "bookkeeper", "position_keeper"),
        ("position.stop.set", "position_keeper", "strategist"),
        ("position.trade.closed", "position_keeper", "strategist"),
        ("order.report.received", "", "executor"),
    ],
)
def test_who_says_and_who_hears_is_found_in_the_agents(name: str, said_by: str, heard_by: str) -> None:
    assert set(said_by.split()) == set(speakers(BY_NAME[name]))
    assert set(heard_by.split()) == set(listeners(BY_NAME[name]))


def test_no_fact_is_said_by_an_agent_that_cannot_make_it() -> None:
    for kind in EVENTS:
        for name in speakers(kind):
            (agent,) = (one for one in AGENTS if name == one.NAME)
            used = {
                module for value in vars(agent).values() if (module := getattr(value, "__module__", None))
            }
            sources = [
                Path(agent.__file__),
                *(_file(module) for module in used if module.startswith("tradewrit")),
            ]
            assert any(kind.__name__ in source.read_text(encoding="utf-8") for source in sources)


def _file(module: str) -> Path:
    return Path(str(sys.modules[module].__file__))


# -- limits and scopes


def test_every_limit_has_a_row_with_the_number_of_every_profile() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", page("limits.md"), re.MULTILINE
    )
    assert [row[0] for row in rows] == [field for field in Limits.__struct_fields__ if field != "profile"]
    numbers = {name: row for name, *row in rows}
    assert numbers["max_position_notional"] == ["1,000", "25,000", "null"]
    assert numbers["stop_fraction"] == ["0.05", "0.05", "0.05"]
    assert list(PROFILES) == ["default", "demo_large", "research"]


def test_every_name_a_refusal_can_hold_is_explained_once_per_condition() -> None:
    source = (ROOT / "src/tradewrit/risk/limits.py").read_text(encoding="utf-8")
    made = re.findall(r"_breach\(\s*\"(\w+)\"", source)
    assert [name for name, _, _ in refusals()] == [f"`{name}`" for name in made]
    assert "| `buying_power` | `sized.quantity > 0 and sized.cost > now.buying_power` |" in page("limits.md")


def test_every_effect_names_the_scope_it_needs_and_who_holds_it() -> None:
    text = page("scopes.md")
    for kind in kinds():
        assert f"| `{kind.__name__}` |" in text
    assert {kind.__name__ for kind in kinds()} >= {
        "PlaceOrders",
        "AskVenue",
        "FetchQuote",
        "AskPeople",
        "SetTimer",
    }
    assert needed(effects.PlaceOrders) == "write:trades:SYMBOL"
    assert needed(effects.AskPeople) == "write:reviews:*"
    for role, scopes in ROLE_SCOPES.items():
        assert f"| `{role}` | {', '.join(f'`{scope}`' for scope in scopes)} |" in text


def test_only_two_writs_reach_the_venue_and_a_cancel_always_goes_out_under_the_protective_one() -> None:
    rows = dict(
        re.findall(r"^\| `(\w+)` .*`write:trades:SYMBOL` \| (.*) \|$", page("scopes.md"), re.MULTILINE)
    )
    assert rows == {
        "PlaceOrders": "`position_keeper`, `executor`",
        "ReplaceAtVenue": "`position_keeper`, `executor`",
        "CancelAtVenue": "`position_keeper`",
    }


# -- the words of a table


def test_a_bar_in_a_cell_does_not_end_the_cell() -> None:
    assert table(("a",), [("x | y",)]) == "| a |\n| --- |\n| x \\| y |\n"


def test_a_docstring_is_taken_apart_into_the_whole_and_its_fields() -> None:
    summary, fields = explained(OrderRequested)
    assert summary == "The intent: recorded before anything is sent."
    assert fields["approved_by"] == "who let it through."
    assert fields["reserved"] == "cash set aside until it fills or dies."


def test_every_endpoint_and_every_error_code_is_on_the_page() -> None:
    text = page("credentials-http.md")
    for endpoint in ENDPOINTS:
        assert f"| `{endpoint.method} {endpoint.path}` |" in text
        for body in (endpoint.takes, endpoint.gives):
            assert body is None or f"\n### {body.__name__}\n" in text
    for code, status in STATUSES.items():
        assert f"| `{code}` | {status} |" in text
