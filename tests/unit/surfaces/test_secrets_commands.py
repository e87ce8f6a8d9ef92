"""`tradewrit secrets`: kept, listed and removed; never shown, never an argument."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest
from typer.testing import CliRunner, Result

from tests.unit.surfaces.console import PROGRAM, run, shell
from tests.unit.surfaces.terminal import typing
from tradewrit.app import command_line
from tradewrit.credentials.sealed.key_file import read_key_file
from tradewrit.credentials.sealed.store import SealedStore

VALUE = "PK3XJ-canary-91cc"
WORDS = "correct horse battery staple"
posix = pytest.mark.skipif(os.name != "posix", reason="terminals and file modes are POSIX's")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A home, and a key file for its store: opening with a key takes no time."""
    key = tmp_path / "desk.key"
    assert run("secrets", "keygen", key).exit_code == 0
    return {"TRADEWRIT_HOME": str(tmp_path / "home"), "TRADEWRIT_KEY_FILE": str(key)}


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.touch(0o600)
    path.write_text(WORDS + "\n")
    return path


def piped(text: str | bytes, *arguments: str | Path, env: dict[str, str]) -> Result:
    return CliRunner().invoke(
        command_line(), [*map(str, arguments)], input=text, env=env, prog_name="tradewrit"
    )


def revealed(env: dict[str, str], name: str) -> str:
    sealed = Path(env["TRADEWRIT_HOME"]) / "secrets.sealed"
    return SealedStore(sealed, read_key_file(Path(env["TRADEWRIT_KEY_FILE"]))).secret(name).reveal()


def test_a_secret_is_piped_in_listed_by_name_and_removed(env: dict[str, str]) -> None:
    assert run("secrets", "list", env=env).stdout.startswith("no secrets; ")
    kept = piped(VALUE + "\n", "secrets", "set", "alpaca_key", env=env)
    assert (kept.exit_code, kept.stdout, kept.stderr) == (0, "alpaca_key: kept\n", "")
    assert revealed(env, "alpaca_key") == VALUE
    assert "alpaca_key" in run("secrets", "list", env=env).stdout
    assert piped("other", "secrets", "set", "alpaca_key", env=env).stdout == "alpaca_key: replaced\n"
    assert revealed(env, "alpaca_key") == "other"
    assert run("secrets", "remove", "alpaca_key", env=env).stdout == "alpaca_key: removed\n"
    assert run("secrets", "list", env=env).stdout.startswith("no secrets; ")


def test_every_command_prints_json_with_names_and_times_only(env: dict[str, str], tmp_path: Path) -> None:
    assert json.loads(run("secrets", "list", "--json", env=env).stdout) == {"secrets": []}
    kept = json.loads(piped(VALUE, "secrets", "set", "alpaca_key", "--json", env=env).stdout)
    assert kept == {"name": "alpaca_key", "set_at": kept["set_at"], "replaced": False}
    listed = json.loads(run("secrets", "list", "--json", env=env).stdout)
    assert listed == {"secrets": [{"name": "alpaca_key", "set_at": kept["set_at"]}]}
    removed = json.loads(run("secrets", "remove", "alpaca_key", "--json", env=env).stdout)
    assert removed == {"name": "alpaca_key", "removed": True}
    made = json.loads(run("secrets", "keygen", tmp_path / "k", "--json", env=env).stdout)
    assert made == {"key_file": str(tmp_path / "k"), "public_key": read_key_file(tmp_path / "k").public}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("one\n", "one"),
        ("one\r\n", "one"),
        ("one\n\n", "one\n"),
        ("-----BEGIN KEY-----\nabc\n-----END KEY-----\n", "-----BEGIN KEY-----\nabc\n-----END KEY-----"),
        (" ü ", " ü "),
    ],
)
def test_what_is_piped_loses_one_line_end_and_nothing_else(env: dict[str, str], text: str, kept: str) -> None:
    assert piped(text, "secrets", "set", "key", env=env).exit_code == 0
    assert revealed(env, "key") == kept


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        (b"\xffcanary-91cc", "not text in UTF-8"),
        ("canary-91cc" * 6_000, "longer than 65,536 bytes"),
    ],
)
def test_what_cannot_be_a_secret_is_refused_unshown(
    env: dict[str, str], text: str | bytes, problem: str
) -> None:
    done = piped(text, "secrets", "set", "key", env=env)
    assert (done.exit_code, done.stdout) == (1, "")
    assert problem in done.stderr
    assert "canary" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("alpaca_key", VALUE),
        (VALUE, "alpaca_key"),
        (f"alpaca_key={VALUE}",),
        ("alpaca_key", "--", VALUE),
        ("alpaca_key", "--json", VALUE, VALUE),
    ],
)
def test_a_value_on_the_command_line_is_refused_with_why_and_never_repeated(
    env: dict[str, str], arguments: tuple[str, ...]
) -> None:
    done = piped("piped", "secrets", "set", *arguments, env=env)
    assert (done.exit_code, done.stdout) == (2, "")
    said = " ".join(done.stderr.replace("│", " ").split())
    assert "never given on the command line" in said
    assert "have it replaced, and run `tradewrit secrets set NAME`" in said
    assert "canary" not in done.stderr
    assert not (Path(env["TRADEWRIT_HOME"]) / "secrets.sealed").exists()


@pytest.mark.parametrize("option", [("--value", VALUE), (f"--value={VALUE}",), ("-v", VALUE)])
def test_there_is_no_option_for_a_value_either(env: dict[str, str], option: tuple[str, ...]) -> None:
    done = piped("piped", "secrets", "set", "alpaca_key", *option, env=env)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "canary" not in done.stderr


@pytest.mark.parametrize("name", ["1a", "", " a", "a b", "a/b", "é", "a" * 65, "ca:nary"])
def test_a_name_that_is_none_is_wrong_use_and_not_repeated(env: dict[str, str], name: str) -> None:
    for command in ("set", "remove"):
        done = piped("piped", "secrets", command, name, env=env)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "a name begins with a letter" in done.stderr
        assert "nary" not in done.stderr


def test_a_name_that_is_not_there_is_a_failure(env: dict[str, str]) -> None:
    piped(VALUE, "secrets", "set", "alpaca_key", env=env)
    done = run("secrets", "remove", "nothing", env=env)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "there is no secret 'nothing'" in done.stderr


# What opens the store


def test_a_passphrase_from_a_file_seals_and_opens(tmp_path: Path, words: Path) -> None:
    env = {"TRADEWRIT_HOME": str(tmp_path / "home"), "TRADEWRIT_PASSPHRASE_FILE": str(words)}
    assert piped(VALUE, "secrets", "set", "alpaca_key", env=env).exit_code == 0
    assert "alpaca_key" in run("secrets", "list", env=env).stdout
    raw = (tmp_path / "home" / "secrets.sealed").read_bytes()
    assert json.loads(pyrage.passphrase.decrypt(raw, WORDS))["secrets"]["alpaca_key"]["value"] == VALUE
    words.write_text("another passphrase\n")
    done = run("secrets", "list", "--passphrase-file", words, env=env)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "does not open with this passphrase" in done.stderr
    assert "another passphrase" not in done.stderr


def test_a_store_sealed_the_other_way_says_so(env: dict[str, str], tmp_path: Path, words: Path) -> None:
    piped(VALUE, "secrets", "set", "a", env=env)
    done = run("secrets", "list", "--passphrase-file", words, env={**env, "TRADEWRIT_KEY_FILE": ""})
    assert "it is sealed with a key: name its file with --key-file" in done.stderr
    other = {"TRADEWRIT_HOME": str(tmp_path / "other")}
    piped(VALUE, "secrets", "set", "a", "--passphrase-file", words, env=other)
    done = run("secrets", "list", "--key-file", env["TRADEWRIT_KEY_FILE"], env=other)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "it is sealed with a passphrase" in done.stderr


def test_a_new_store_is_sealed_one_way(env: dict[str, str], words: Path) -> None:
    done = piped(VALUE, "secrets", "set", "a", "--passphrase-file", words, env=env)
    assert done.exit_code == 1
    assert "files with both are named" in done.stderr


def test_a_passphrase_that_can_be_guessed_is_warned_of(tmp_path: Path, words: Path) -> None:
    words.write_text("short")
    env = {"TRADEWRIT_HOME": str(tmp_path / "home")}
    done = piped(VALUE, "secrets", "set", "a", "--passphrase-file", words, env=env)
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: a passphrase of fewer than 12 characters")


@pytest.mark.parametrize(
    ("text", "problem"), [("", "is empty"), ("two\nlines\n", "several lines"), ("\udcff", "not text")]
)
def test_a_passphrase_file_holds_one_line(tmp_path: Path, words: Path, text: str, problem: str) -> None:
    words.write_bytes(text.encode("utf-8", "surrogateescape"))
    env = {"TRADEWRIT_HOME": str(tmp_path / "home")}
    done = piped(VALUE, "secrets", "set", "a", "--passphrase-file", words, env=env)
    assert done.exit_code == 1
    assert problem in done.stderr
    assert "lines\n" not in done.stderr.replace("several lines", "")


@posix
def test_files_that_others_can_reach_are_refused(env: dict[str, str], tmp_path: Path, words: Path) -> None:
    words.chmod(0o644)
    done = piped(
        VALUE, "secrets", "set", "a", "--passphrase-file", words, env={"TRADEWRIT_HOME": str(tmp_path)}
    )
    assert done.exit_code == 1
    assert "other users may reach the passphrase file (mode 0644)" in done.stderr
    Path(env["TRADEWRIT_KEY_FILE"]).chmod(0o640)
    done = run("secrets", "list", env=env)
    assert done.exit_code == 0, "there is no store yet, so nothing is to be opened"
    done = piped(VALUE, "secrets", "set", "a", env=env)
    assert "other users may reach the key file (mode 0640)" in done.stderr


@posix
def test_a_home_that_others_may_write_to_is_refused(env: dict[str, str]) -> None:
    home = Path(env["TRADEWRIT_HOME"])
    home.mkdir()
    home.chmod(0o777)
    done = piped(VALUE, "secrets", "set", "a", env=env)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "chmod 700" in done.stderr


def test_a_store_is_sealed_with_another_key_or_passphrase(
    env: dict[str, str], tmp_path: Path, words: Path
) -> None:
    piped(VALUE, "secrets", "set", "alpaca_key", env=env)
    run("secrets", "keygen", tmp_path / "new.key")
    done = run("secrets", "reseal", "--new-key-file", tmp_path / "new.key", env=env)
    assert done.stdout == "sealed with the new key; the old one opens it no more\n"
    assert run("secrets", "list", env=env).exit_code == 1
    env |= {"TRADEWRIT_KEY_FILE": str(tmp_path / "new.key")}
    assert revealed(env, "alpaca_key") == VALUE
    both = ("--new-key-file", tmp_path / "new.key", "--new-passphrase-file", words)
    assert "files with both are named" in run("secrets", "reseal", *both, env=env).stderr
    done = run("secrets", "reseal", "--new-passphrase-file", words, "--json", env=env)
    assert json.loads(done.stdout) == {"resealed": True, "sealed_with": "passphrase"}
    home = {"TRADEWRIT_HOME": env["TRADEWRIT_HOME"]}
    assert "alpaca_key" in run("secrets", "list", "--passphrase-file", words, env=home).stdout


@pytest.mark.parametrize("command", [("remove", "a"), ("reseal",)])
def test_nobody_is_asked_for_the_passphrase_of_no_store(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run("secrets", *command, env={"TRADEWRIT_HOME": str(tmp_path / "home")})
    assert (done.exit_code, done.stdout) == (1, "")
    assert "there is no sealed store yet" in done.stderr
    assert not (tmp_path / "home").exists()


@posix
def test_a_closed_standard_input_is_a_failure(env: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -c "$1" secrets set a <&-', sys.executable, PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        env=env,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "standard input is closed" in done.stderr


# At a terminal


@posix
def test_nothing_that_is_typed_is_shown(tmp_path: Path) -> None:
    env = {"TRADEWRIT_HOME": str(tmp_path / "home")}
    answers = [("New passphrase", WORDS), ("Again", WORDS), ("Value of alpaca_key", VALUE)]
    code, shown = typing(["secrets", "set", "alpaca_key"], answers, env)
    assert code == 0, shown
    assert shown.endswith("alpaca_key: kept\n")
    code, listed = typing(["secrets", "list"], [("Passphrase of the sealed store", WORDS)], env)
    assert code == 0, listed
    assert "alpaca_key" in listed
    assert VALUE not in shown + listed
    assert WORDS not in shown + listed


@posix
def test_a_new_passphrase_typed_differently_the_second_time_makes_nothing(tmp_path: Path) -> None:
    env = {"TRADEWRIT_HOME": str(tmp_path / "home")}
    code, shown = typing(["secrets", "set", "a"], [("New passphrase", WORDS), ("Again", WORDS + "!")], env)
    assert code == 1
    assert "typed differently the second time" in shown
    assert not (tmp_path / "home" / "secrets.sealed").exists()


@posix
def test_ctrl_c_and_ctrl_d_at_a_prompt_end_it_with_nothing_changed(env: dict[str, str]) -> None:
    code, shown = typing(["secrets", "set", "a"], [("Value of a", "\x03")], env)
    assert code == 130, shown
    code, shown = typing(["secrets", "set", "a"], [("Value of a", "\x04")], env)
    assert code == 1, shown
    assert not (Path(env["TRADEWRIT_HOME"]) / "secrets.sealed").exists()


@posix
def test_without_a_terminal_nobody_is_asked_and_the_value_is_not_taken_for_a_passphrase(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "secrets", "set", "a"],
        input=VALUE,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # without the terminal of whoever runs the tests
        env={"TRADEWRIT_HOME": str(tmp_path / "home")},
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        "no terminal to ask for the passphrase; name a file that holds it with --passphrase-file"
        in done.stderr
    )
    assert not (tmp_path / "home" / "secrets.sealed").exists()


def test_debugging_a_failure_shows_no_secret(tmp_path: Path, words: Path) -> None:
    env = {"TRADEWRIT_HOME": str(tmp_path / "home"), "TRADEWRIT_PASSPHRASE_FILE": str(words)}
    piped(VALUE, "secrets", "set", "a", env=env)
    words.write_text(f"{VALUE}\n")
    done = shell("--debug", "secrets", "list", env=env)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "canary" not in done.stderr
