"""The command line's skeleton: what it prints, where, and with which exit code."""

import io
import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from tradewrit.config.describing import describe
from tradewrit.config.loading import load
from tradewrit.config.tree import Config
from tradewrit.errors import ConfigError
from tradewrit.surfaces.cli import machine, packages
from tradewrit.surfaces.cli.doctor import examine
from tradewrit.surfaces.cli.main import assemble
from tradewrit.surfaces.cli.output import emit_json, emit_table, example, progress

ROOT = Path(__file__).parents[3]
COMMANDS = (("config", "show"), ("config", "check"), ("doctor",), ("version",))


def run(*words: str, env: Mapping[str, str] | None = None) -> Result:
    """A command in this process."""
    return CliRunner().invoke(assemble(), words, env=dict(env or {}), prog_name="tradewrit")


def shell(*words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, through the console entry point."""
    program = "import sys; from tradewrit.app import main; sys.argv[0] = 'tradewrit'; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": "/nowhere", "LANG": "C.UTF-8", **(env or {})},
    )


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A file with two settings."""
    path = tmp_path / "desk.yaml"
    path.write_text("account:\n  initial_cash: 5000\nseed: 3\n")
    return path


# Help


def test_the_root_help_lists_the_commands_and_ends_with_examples() -> None:
    done = run("--help")
    assert done.exit_code == 0
    assert all(name in done.output.partition("This machine")[2] for name in ("config", "doctor", "version"))
    assert "tradewrit config show --explain" in done.output.partition("Examples")[2]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_and_offers_json(words: tuple[str, ...]) -> None:
    done = run(*words, "--help")
    assert done.exit_code == 0
    assert f"tradewrit {' '.join(words)}" in done.output.partition("Example")[2]
    assert "--json" in done.output


def test_no_words_at_all_show_the_help_as_wrong_use() -> None:
    done = run()
    assert done.exit_code == 2
    assert "Usage: tradewrit" in done.output


@pytest.mark.parametrize(
    "words", [("vesion",), ("config", "shw"), ("config", "check"), ("version", "--jsn"), ("doctor", "me")]
)
def test_wrong_use_is_exit_code_2_with_nothing_on_standard_output(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "Usage: tradewrit" in done.stderr


def test_help_loads_neither_numpy_nor_polars() -> None:
    program = (
        "import atexit, sys; from tradewrit.app import main\n"
        "atexit.register(lambda: print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr))\n"
        "sys.argv[1:] = ['--help']; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "typer" in loaded
    assert loaded & {"numpy", "polars", "pandas", "scipy", "sqlalchemy", "bokeh_sampledata"} == set()


# Version


def test_version_says_which_version_this_is() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert run("version").stdout.startswith(f"tradewrit {declared} (Python ")
    assert run("--version").stdout == run("version").stdout
    data = json.loads(run("version", "--json").stdout)
    assert data.keys() == {"tradewrit", "python", "platform"}
    assert data["tradewrit"] == declared


def test_the_package_itself_can_be_run_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tradewrit", "version", "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == json.loads(run("version", "--json").stdout)


# Configuration


def test_config_show_prints_yaml_that_is_the_configuration_in_force(desk: Path, tmp_path: Path) -> None:
    done = run("config", "show", "--config", str(desk), env={"TRADEWRIT_SEED": "9"})
    assert (done.exit_code, done.stderr) == (0, "")
    effective = tmp_path / "effective.yaml"
    effective.write_text(done.stdout)
    assert load(effective, {}) == load(desk, {"TRADEWRIT_SEED": "9"})


def test_config_show_takes_its_file_from_the_environment(desk: Path) -> None:
    done = run("config", "show", "--json", env={"TRADEWRIT_CONFIG": str(desk)})
    data = json.loads(done.stdout)
    assert data["account"]["initial_cash"] == "5000"
    assert list(data) == list(Config.__struct_fields__)


def test_config_show_masks_secrets() -> None:
    env = {"TRADEWRIT_STRATEGY__PARAMETERS__API_KEY": "hunter2"}
    for words in ((), ("--json",), ("--explain",), ("--explain", "--json")):
        done = run("config", "show", *words, env=env)
        assert done.exit_code == 0
        assert "hunter2" not in done.output
        assert "***" in done.stdout


def test_config_show_explains_every_key_and_says_who_set_it(desk: Path) -> None:
    done = run("config", "show", "--config", str(desk), "--explain", env={"TRADEWRIT_MODE": "backtest"})
    lines = done.stdout.splitlines()
    assert all(any(line.split()[:1] == [row.key] for line in lines) for row in describe())
    assert any(line.split() == ["account.initial_cash", "5000", f"{desk}:2"] for line in lines)
    assert any(line.split()[:2] == ["mode", "backtest"] and "TRADEWRIT_MODE" in line for line in lines)
    data = json.loads(run("config", "show", "--config", str(desk), "--explain", "--json").stdout)
    assert {row["key"] for row in data["keys"]} == {row.key for row in describe()}
    assert {"key": "seed", "value": "3", "place": f"{desk}:3"} in data["settings"]


def test_config_check_is_content_with_a_good_file(desk: Path) -> None:
    done = run("config", "check", str(desk))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{desk}: fine. paper mode, account paper with 5000 USD")
    data = json.loads(run("config", "check", str(desk), "--json").stdout)
    assert data == {"ok": True, "file": str(desk), "problems": []}


def test_config_check_names_every_mistake_and_fails(desk: Path) -> None:
    desk.write_text("moed: paper\nseed: x\n")
    done = run("config", "check", str(desk))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"error: {desk}:1: moed: unknown key; did you mean mode?",
        f"{desk}:2: seed: must be a whole number such as 5, not 'x'",
    ]
    done = run("config", "check", str(desk), "--json")
    assert done.exit_code == 1
    data = json.loads(done.stdout)
    assert data["ok"] is False
    assert [(one["place"], one["key"]) for one in data["problems"]] == [
        (f"{desk}:1", "moed"),
        (f"{desk}:2", "seed"),
    ]


# Failures


def test_a_failure_is_explained_in_one_line_without_a_traceback() -> None:
    done = run("config", "show", "--config", "/no/such.yaml", "--json")
    assert (done.exit_code, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("error: /no/such.yaml: no such file; ")


@pytest.mark.parametrize(("words", "env"), [(("--debug",), {}), ((), {"TRADEWRIT_DEBUG": "1"})])
def test_debugging_shows_where_it_failed_and_still_explains(
    words: tuple[str, ...], env: dict[str, str]
) -> None:
    done = run(*words, "config", "show", "--config", "/no/such.yaml", env=env)
    assert done.exit_code == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: /no/such.yaml")


def test_brackets_in_a_message_are_no_markup() -> None:
    done = run("config", "show", "--config", "/no/[bold]such.yaml")
    assert "/no/[bold]such.yaml: no such file" in done.stderr


def test_a_bug_is_not_dressed_up_as_a_users_mistake() -> None:
    def broken(app: typer.Typer) -> None:
        @app.command("broken")
        def _broken() -> None:
            raise KeyError("a bug")

    done = CliRunner().invoke(assemble({"Tests": [broken]}), ["broken"])
    assert isinstance(done.exception, KeyError)
    assert done.exit_code == 1


def test_a_module_beside_these_adds_its_commands_in_the_same_way() -> None:
    def register(app: typer.Typer) -> None:
        group = typer.Typer(help="Read journals.", no_args_is_help=True)

        @group.command("verify", epilog=example("tradewrit journal verify FILE"))
        def _verify() -> None:
            raise ConfigError("journal: record 3 does not match its hash")

        app.add_typer(group, name="journal")

    done = CliRunner().invoke(assemble({"Tests": [register]}), ["journal", "verify"])
    assert done.exit_code == 1
    assert done.stderr == "error: journal: record 3 does not match its hash\n"


def test_the_console_entry_point_keeps_the_exit_codes_and_the_streams_apart() -> None:
    good = shell("config", "show", "--json")
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(good.stdout)["mode"] == "paper"
    bad = shell("config", "show", env={"TRADEWRIT_MOED": "live"})
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr == (
        "error: environment variable TRADEWRIT_MOED: moed: unknown key; did you mean TRADEWRIT_MODE?\n"
    )
    wrong = shell("config", "shw")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "Usage: tradewrit config" in wrong.stderr


def test_a_stream_that_lacks_a_character_gets_its_code() -> None:
    done = shell("config", "show", env={"PYTHONIOENCODING": "ascii", "TRADEWRIT_STRATEGY__NAME": "é"})
    assert done.returncode == 0
    assert "name: \\xe9" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("version", "standard output cannot be written: No space left on device"),
        ("--help", "nothing more can be written: No space left on device"),
        ("run --help", "nothing more can be written: No space left on device"),
    ],
)
def test_a_full_disk_behind_standard_output_is_a_failure_that_is_explained(command: str, why: str) -> None:
    program = "from tradewrit.app import main; main()"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program, *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {why}")
    assert "Traceback" not in done.stderr


# Output


def test_json_is_one_object_in_which_no_decimal_became_a_float(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json(Config())
    assert json.loads(capsys.readouterr().out)["risk"]["min_cash_fraction"] == "0.50"


def test_a_table_in_a_pipe_is_whole_and_without_colour(capsys: pytest.CaptureFixture[str]) -> None:
    long = "word " * 30 + "[red]end[/red]"
    emit_table(("a", "b"), [("1", long)])
    out = capsys.readouterr().out
    assert long in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("env", "is_coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1", "TERM": "xterm"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_is_off_unless_there_is_a_terminal_that_wants_it(
    env: dict[str, str], is_coloured: bool
) -> None:
    done = shell("doctor", env=env)
    assert ("\x1b[32mok" in done.stdout) == is_coloured


class _Watch:
    """A clock that goes when it is told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _terminal(watch: _Watch) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=True, width=80, get_time=watch, color_system=None, _environ={}
    )


def _written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_progress_shows_only_after_a_second_of_work() -> None:
    watch = _Watch()
    console = _terminal(watch)
    with progress("bars", 100, console) as advance:
        advance(10)
        watch.now = 0.99
        advance(20)
        assert _written(console) == ""
        watch.now = 1.0
        advance(30)
        assert "bars" in _written(console)
        assert "30/100" in _written(console)


def test_progress_writes_nothing_where_there_is_no_terminal() -> None:
    console = Console(file=io.StringIO(), width=80)
    with progress("bars", 100, console) as advance:
        advance(100)
    assert _written(console) == ""


def test_progress_writes_nothing_for_quick_work() -> None:
    console = _terminal(_Watch())
    with progress("bars", 2, console) as advance:
        advance(1)
        advance(2)
    assert _written(console) == ""


# Doctor


def test_doctor_finds_this_machine_fit_and_writes_nothing_into_the_data_folder(tmp_path: Path) -> None:
    home = tmp_path / "data"
    done = run("doctor", "--json", env={"TRADEWRIT_HOME": str(home)})
    data = json.loads(done.stdout)
    assert (done.exit_code, data["ok"]) == (0, True)
    by_name = {check["name"]: check for check in data["checks"]}
    assert {
        "Python",
        "platform",
        "tradewrit",
        "data folder",
        "SQLite",
        "time zones",
        "terminal",
    } <= by_name.keys()
    assert by_name["numpy"]["found"] == version("numpy")
    assert by_name["data folder"]["found"] == f"{home} (made when it is needed)"
    assert "write-ahead log" in by_name["SQLite"]["found"]
    assert list(tmp_path.iterdir()) == []


def test_doctor_says_the_same_in_a_table() -> None:
    done = run("doctor")
    assert done.exit_code == 0
    assert all(check.name in done.stdout for check in examine({}))


def test_doctor_fails_when_something_required_is_broken_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("doctor", env={"TRADEWRIT_HOME": str(tmp_path / "file" / "data"), "TRADEWRIT_SED": "1"})
    assert done.exit_code == 1
    assert "FAIL" in done.stdout
    assert "is not a folder: make it writable, or set TRADEWRIT_HOME" in done.stderr
    assert "TRADEWRIT_SED: sed: unknown key; did you mean TRADEWRIT_SEED?" in done.stderr
    assert json.loads(run("doctor", "--json", env={"TRADEWRIT_SED": "1"}).stdout)["ok"] is False


def test_a_missing_extra_is_no_failure_but_a_missing_core_package_is() -> None:
    def find(name: str) -> str:
        if name in {"polars", "numpy"}:
            raise PackageNotFoundError(name)
        return version(name)

    by_name = {check.name: check for check in packages.package_checks(find)}
    polars, numpy = by_name["polars [data]"], by_name["numpy"]
    assert (polars.ok, polars.is_broken, polars.advice) == (False, False, "pip install 'tradewrit[data]'")
    assert (numpy.ok, numpy.is_broken) == (False, True)
    assert numpy.advice.startswith("pip install 'numpy")


def test_a_package_outside_its_bounds_or_beyond_import_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> str:
        return "3.1.0" if name == "polars" else version(name)

    def refuse(name: str) -> None:
        if name == "yaml":
            raise ImportError("libyaml.so: cannot open shared object file")

    monkeypatch.setattr(packages, "import_module", refuse)
    by_name = {check.name: check for check in packages.package_checks(find)}
    assert by_name["polars [data]"].found == "3.1.0 is not <3,>=1.20"
    assert "cannot be imported: libyaml.so" in by_name["pyyaml"].found
    assert by_name["pyyaml"].is_broken


def test_doctor_knows_what_every_package_is_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    assert {packages.requirement(text).name for text in texts} == packages.USES.keys()


def test_a_package_that_is_only_on_the_path_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packages, "requires", missing)
    [check] = packages.package_checks()
    assert check.is_broken
    assert "make setup" in check.advice
    monkeypatch.setattr("importlib.metadata.version", missing)
    done = run("version")
    assert done.exit_code == 1
    assert "not installed" in done.stderr


def test_a_read_only_data_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(machine.tempfile, "TemporaryFile", refuse)  # type: ignore[attr-defined]
    check = machine.data_folder_check({"TRADEWRIT_HOME": str(tmp_path)})
    assert check.is_broken
    assert check.found == f"{tmp_path}: Read-only file system"


def test_missing_time_zones_and_an_sqlite_without_a_log_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_EXCHANGE_ZONE", "Nowhere/Atlantis")
    monkeypatch.setattr(machine, "_journal_mode", lambda _path: "delete")
    zones, sqlite = machine.time_zones(), machine.sqlite()
    assert (zones.is_broken, zones.advice) == (True, "pip install tzdata")
    assert sqlite.is_broken
    assert "without a write-ahead log" in sqlite.found
