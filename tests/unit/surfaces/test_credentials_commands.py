"""`tradewrit credentials`: what each command does to the authority in the home folder, and what it prints."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.unit.surfaces.console import run
from tradewrit.app import command_line
from tradewrit.credentials.audit import SignedHead, is_signed
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.home import open_home
from tradewrit.credentials.requests import Bearer
from tradewrit.errors import TokenRefused

SCOPE = "read:trades:AAPL"


class Shell:
    """Commands on one home folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str | Path, stdin: str = "") -> Result:
        return CliRunner().invoke(
            command_line(),
            ["credentials", *map(str, words)],
            input=stdin,
            env={"TRADEWRIT_HOME": str(self.folder)},
            prog_name="tradewrit",
        )

    def json(self, *words: str | Path, stdin: str = "") -> Any:
        done = self(*words, "--json", stdin=stdin)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def refused(self, *words: str | Path, stdin: str = "") -> str:
        """What standard error says of a failure; standard output says nothing."""
        done = self(*words, stdin=stdin)
        assert (done.exit_code, done.stdout) == (1, "")
        return done.stderr

    def wrong(self, *words: str | Path) -> str:
        done = self(*words)
        assert (done.exit_code, done.stdout) == (2, "")
        return " ".join(done.stderr.replace("│", " ").split())

    def token(self, *words: str) -> str:
        return str(self.json("issue", "--scope", SCOPE, *words)["access_token"])

    def authority(self) -> Authority:
        return Authority.open(open_home(self.folder))

    def opened_unverified(self) -> Authority:
        return Authority.open(open_home(self.folder), is_verified=False)

    def standing(self, token: str) -> str:
        return str(json.loads(self("inspect", "--json", stdin=token).stdout)["standing"])


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "home")


# Apps


def test_an_app_is_added_with_a_secret_that_works_and_is_never_shown_again(shell: Shell) -> None:
    made = shell.json("app", "add", "desk", "--scope", "read:trades:*", "--scope", "write:trades:AAPL")
    assert {"client_id", "client_secret", "app_id", "name", "scopes", "token_ttl"} <= made.keys()
    with shell.authority() as authority:
        assert (
            authority.app_token(made["client_id"], made["client_secret"]).claims.sub
            == f"app:{made['app_id']}"
        )
    for words in (("app", "list"), ("app", "list", "--all", "--json"), ("audit", "show", "--all", "--json")):
        assert made["client_secret"] not in shell(*words).output
    assert "client_secret" not in shell.json("app", "list")["apps"][0]


def test_the_secret_is_printed_for_people_too_with_what_to_do(shell: Shell) -> None:
    done = shell("app", "add", "desk", "--scope", SCOPE)
    assert done.exit_code == 0
    secret = next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("client_secret"))
    assert len(secret) == 64
    assert "not shown again" in done.stdout


def test_apps_are_listed_until_they_are_removed(shell: Shell) -> None:
    assert shell.json("app", "list") == {"apps": [], "total": 0}
    assert not shell.folder.exists(), "a look founds nothing"
    one = shell.json("app", "add", "one", "--scope", SCOPE)
    shell.json("app", "add", "two", "--scope", SCOPE)
    assert [app["name"] for app in shell.json("app", "list")["apps"]] == ["one", "two"]
    token = shell.token("--app", "one")
    assert shell("app", "remove", "one").stdout.startswith(f"one ({one['app_id']}): removed; ")
    assert shell.standing(token) == "revoked"
    assert [app["name"] for app in shell.json("app", "list")["apps"]] == ["two"]
    assert [app["status"] for app in shell.json("app", "list", "--all")["apps"]] == ["inactive", "active"]
    assert "one (removed)" in shell("app", "list", "--all").stdout


def test_an_app_is_named_by_its_name_or_its_id(shell: Shell) -> None:
    made = shell.json("app", "add", "desk", "--scope", SCOPE)
    assert shell.json("app", "remove", made["app_id"])["status"] == "inactive"
    assert shell.json("app", "add", "desk", "--scope", SCOPE)["app_id"] != made["app_id"]
    assert "there is no app 'other'; `tradewrit credentials app list`" in shell.refused(
        "app", "remove", "other"
    )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("Desk", "--scope", SCOPE), "lower-case letters"),
        (("desk", "--scope", "read"), "action:resource:identifier"),
        (("desk", "--scope", "*:*:*"), "wildcard"),
        (("desk", "--scope", "read:trades:a b"), "blank"),
    ],
)
def test_an_app_that_cannot_be_is_refused_with_why(
    shell: Shell, words: tuple[str, ...], problem: str
) -> None:
    assert problem in shell.refused("app", "add", *words)


def test_a_taken_name_is_a_failure(shell: Shell) -> None:
    shell.json("app", "add", "desk", "--scope", SCOPE)
    assert "'desk' exists" in shell.refused("app", "add", "desk", "--scope", SCOPE)


# Limits


def test_limits_reach_the_token_and_are_told_as_they_were_given(shell: Shell) -> None:
    limits = (
        "sides=sell,buy",
        "max_quantity=100",
        "max_day_orders=3",
        "venues=paper",
        "modes=paper",
        "hours=09:30-15:30 America/New_York",
    )
    words = [word for limit in limits for word in ("--limit", limit)]
    shell.json("app", "add", "desk", "--scope", SCOPE, *words)
    issued = shell.json("issue", "--app", "desk", "--scope", SCOPE, "--limit", "max_quantity=50")
    assert issued["constraints"] == {
        "sides": ["buy", "sell"],
        "max_quantity": "50",
        "max_day_orders": 3,
        "hours": [{"opens": 570, "closes": 930, "zone": "America/New_York", "days": [1, 2, 3, 4, 5]}],
        "venues": ["paper"],
        "modes": ["paper"],
    }
    told = shell("inspect", stdin=issued["access_token"]).stdout
    assert "sides=buy, sell; max_quantity=50; max_day_orders=3; hours=09:30-15:30 America/New_York;" in told
    assert "limits  " in shell("app", "list").stdout


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        (["max_quantity"], "is not NAME=VALUE with one of sides, max_quantity"),
        (["max_qty=5"], "is not NAME=VALUE"),
        (["max_quantity=-1"], "at least 0"),
        (["max_quantity=NaN"], "at least 0"),
        (["max_quantity=many"], "max_quantity=many"),
        (["sides=long"], "sides=long"),
        (["modes=demo"], "modes=demo"),
        (["hours=9-15"], "HH:MM-HH:MM ZONE"),
        (["hours=09:30-15:30 Nowhere/Else"], "no IANA time zone"),
        (["max_quantity=1", "max_quantity=2"], "given twice"),
    ],
)
def test_a_limit_that_is_none_is_wrong_use(shell: Shell, limits: list[str], problem: str) -> None:
    words = [word for limit in limits for word in ("--limit", limit)]
    assert problem in shell.wrong("issue", "--scope", SCOPE, *words)
    assert not shell.folder.exists()


# Operators


def test_an_operator_gets_a_secret_of_its_own_and_loses_everything_when_removed(shell: Shell) -> None:
    made = shell.json("operator", "add", "maria")
    with shell.authority() as authority:
        token = authority.operator_token(made["secret"]).token
        assert authority.authenticate(Bearer(authorization=f"Bearer {token}")).sub == "admin:maria"
    assert [one["name"] for one in shell.json("operator", "list")["operators"]] == ["maria"]
    assert made["secret"] not in shell("operator", "list").output + shell("audit", "show", "--json").output
    assert shell.json("operator", "remove", "maria") == {"name": "maria", "removed": True}
    assert shell.standing(token) == "revoked"
    assert shell.json("operator", "list") == {"operators": []}
    assert shell.json("operator", "list", "--all")["operators"][0]["removed_at"]
    assert "no such operator" in shell.refused("operator", "remove", "maria")


# Issue and inspect


def test_a_script_gets_a_token_that_counts_and_nothing_else_on_standard_output(shell: Shell) -> None:
    done = shell("issue", "--scope", SCOPE, "--ttl", "600", "--orch", "nightly", "--task", "report")
    token = done.stdout.removesuffix("\n")
    assert "\n" not in token
    assert token not in done.stderr
    with shell.authority() as authority:
        claims = authority.verify(token)
    assert (claims.orch_id, claims.task_id, claims.scope, claims.exp - claims.iat) == (
        "nightly",
        "report",
        (SCOPE,),
        600,
    )
    assert claims.sub in done.stderr
    assert claims.jti in done.stderr


def test_an_app_issues_within_its_ceiling_only(shell: Shell) -> None:
    shell.json("app", "add", "desk", "--scope", "read:trades:*")
    shell.token("--app", "desk")
    assert "exceed app ceiling" in shell.refused("issue", "--app", "desk", "--scope", "write:trades:AAPL")
    denied = shell.json("audit", "show", "--outcome", "denied")["events"]
    assert [one["type"] for one in denied] == ["scope_ceiling_exceeded"]


def test_a_launch_token_registers_one_agent(shell: Shell) -> None:
    told = shell.json("issue", "--scope", SCOPE, "--launch", "--good-for", "900", "--ttl", "60")
    assert told["policy"] == {"allowed_scope": [SCOPE], "max_ttl": 60}
    assert len(told["launch_token"]) == 64
    done = shell("issue", "--scope", SCOPE, "--launch")
    assert len(done.stdout) == 65
    assert done.stdout.strip() not in done.stderr


def test_what_only_a_launch_token_can_have_goes_with_launch(shell: Shell) -> None:
    assert "goes with --launch" in shell.wrong("issue", "--scope", SCOPE, "--needs-proof")
    assert "goes with --launch" in shell.wrong("issue", "--scope", SCOPE, "--good-for", "5")


def test_a_token_is_inspected_without_being_shown(shell: Shell) -> None:
    token = shell.token()
    for done in (
        shell("inspect", token),
        shell("inspect", stdin=token + "\n"),
        shell("inspect", "-", stdin=token),
    ):
        assert (done.exit_code, done.stderr) == (0, "")
        assert token.split(".")[2] not in done.output
        assert {"standing          live", f"scopes            {SCOPE}"} <= {
            line.strip() for line in done.stdout.splitlines()
        }
    told = shell.json("inspect", token)
    assert (told["standing"], told["is_live"], told["claims"]["scope"]) == ("live", True, [SCOPE])


def test_a_delegated_token_names_who_passed_it_on(shell: Shell) -> None:
    from tradewrit.credentials.requests import DelegationRequest

    first, second = shell.token(), shell.token()
    with shell.authority() as authority:
        giver, taker = authority.verify(first).sub, authority.verify(second).sub
        passed = authority.delegate(first, DelegationRequest(to=taker, scope=(SCOPE,))).token
    assert f"delegated, 1      by {giver}, who held {SCOPE}, " in shell("inspect", stdin=passed).stdout
    shell("revoke", "--agent", giver)
    assert shell.standing(passed) == "revoked"


def test_a_dead_token_is_told_apart_and_is_exit_code_1(shell: Shell) -> None:
    renewed, released = shell.token(), shell.token()
    with shell.authority() as authority:
        authority.renew(renewed)
        authority.release(released)
    for token, standing in ((renewed, "renewed"), (released, "revoked")):
        done = shell("inspect", stdin=token)
        assert done.exit_code == 1
        assert f"the token does not count: it is {standing}" in done.stderr
        assert standing in done.stdout


@pytest.mark.parametrize(
    "make", [lambda token: token[:-4] + "AAAA", lambda _: "canary", lambda token: token + "."]
)
def test_a_token_that_is_none_of_ours_is_refused_without_being_shown(shell: Shell, make: Any) -> None:
    token = make(shell.token())
    said = shell.refused("inspect", token)
    assert "this is no token of the authority in" in said
    assert token not in said


def test_more_than_one_token_is_wrong_use_and_repeats_none(shell: Shell) -> None:
    token = shell.token()
    said = shell.wrong("inspect", "-", token)
    assert "one token at a time" in said
    assert token not in said
    assert "no token on standard input" in shell.refused("inspect")


def test_inspecting_without_a_home_says_so(shell: Shell) -> None:
    assert "signing key cannot be read" in shell.refused("inspect", "canary")


# The end of permissions


def test_revoking_takes_a_token_its_id_or_standard_input(shell: Shell) -> None:
    tokens = [shell.token() for _ in range(4)]
    jti = shell.json("inspect", tokens[0])["claims"]["jti"]
    assert shell.json("revoke", "--token", jti) == {"revoked": True, "level": "token", "target": jti}
    done = shell("revoke", "--token", tokens[1])
    assert tokens[1] not in done.output
    assert shell("revoke", "--token", "-", stdin=tokens[2]).exit_code == 0
    assert [shell.standing(token) for token in tokens] == ["revoked", "revoked", "revoked", "live"]


def test_revoking_a_task_an_app_or_all_kills_its_tokens_only(shell: Shell) -> None:
    shell.json("app", "add", "desk", "--scope", SCOPE)
    task, app, other = shell.token("--task", "one"), shell.token("--app", "desk"), shell.token()
    shell.json("revoke", "--task", "one")
    assert [shell.standing(token) for token in (task, app, other)] == ["revoked", "live", "live"]
    shell.json("revoke", "--app", "desk")
    assert [shell.standing(token) for token in (task, app, other)] == ["revoked", "revoked", "live"]
    assert shell("revoke", "--all").stdout == "revoked: all\n"
    assert shell.standing(other) == "revoked"


def test_protective_writs_die_only_when_that_is_said(shell: Shell) -> None:
    token = shell.token("--protective")
    shell.json("revoke", "--all")
    assert shell.standing(token) == "live"
    shell.json("revoke", "--all", "--including-protection")
    assert shell.standing(token) == "revoked"


@pytest.mark.parametrize(
    "words",
    [
        ("kill",),
        ("rearm",),
        ("rotate",),
        ("revoke", "--all"),
        ("app", "remove", "desk"),
        ("operator", "remove", "ana"),
        ("audit", "head"),
    ],
    ids=" ".join,
)
def test_nothing_is_ended_where_there_is_nothing(shell: Shell, words: tuple[str, ...]) -> None:
    """A kill switch pulled in a folder that was misspelt must not look as if it had worked."""
    assert "there is no credential store yet" in shell.refused(*words)
    assert not shell.folder.exists()


@pytest.mark.parametrize("level", ["agent", "chain"])
def test_revoking_somebody_who_is_not_registered_says_so(shell: Shell, level: str) -> None:
    known = str(shell.json("issue", "--scope", SCOPE)["agent_id"])
    assert shell("revoke", f"--{level}", known).stderr == ""
    done = shell("revoke", f"--{level}", known[:-1])
    assert done.exit_code == 0
    assert "nobody of the id" in done.stderr


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "name one of"),
        (("--all", "--task", "one"), "name one of"),
        (("--task", "one", "--including-protection"), "goes with --all"),
    ],
)
def test_an_unclear_revocation_is_wrong_use(shell: Shell, words: tuple[str, ...], problem: str) -> None:
    assert problem in shell.wrong("revoke", *words)


def test_the_kill_switch_stops_issuing_until_it_is_rearmed(shell: Shell) -> None:
    token, protective = shell.token(), shell.token("--protective")
    state = shell.json("kill", "--reason", "fat finger")
    assert (state["killed"], state["reason"], state["including_protection"]) == (True, "fat finger", False)
    assert state["by"].startswith("local:")
    assert [shell.standing(one) for one in (token, protective)] == ["revoked", "live"]
    assert "kill switch is on" in shell.refused("issue", "--scope", SCOPE)
    assert "protective writs too" in shell("kill", "--including-protection").stdout
    assert shell.standing(protective) == "revoked"
    assert shell.json("rearm") == {"killed": False}
    assert shell.standing(shell.token()) == "live"
    assert "not on" in shell.refused("rearm")


def test_the_kill_switch_works_on_a_store_that_somebody_edited(shell: Shell) -> None:
    protective = shell.token("--protective")
    edited(shell, "UPDATE audit SET detail = 'nothing happened' WHERE seq = 1")
    assert "cannot be trusted from evt-000001 on" in shell.refused("issue", "--scope", SCOPE)
    killed = shell("kill", "--including-protection", "--json")
    assert (killed.exit_code, json.loads(killed.stdout)["killed"]) == (0, True)
    assert "cannot be trusted from evt-000001 on" in " ".join(killed.stderr.split())
    with shell.opened_unverified() as authority:
        assert authority.validate(protective) is None
        assert authority.kill_state() is not None


def test_a_rotation_keeps_live_tokens_unless_the_key_was_stolen(shell: Shell) -> None:
    token = shell.token()
    with shell.authority() as running:
        old = running.key_set().keys[0].key.kid
        [new, kept] = shell.json("rotate")["keys"]
        assert (kept["kid"], new["verifies_until"]) == (old, None)
        assert kept["verifies_until"]
        assert running.key_set().keys[0].key.kid == new["kid"], "a running authority takes it up"
    assert shell.standing(token) == "live"
    token = shell.token()
    assert "signs now" in shell("rotate", "--overlap", "0").stdout
    with shell.authority() as authority, pytest.raises(TokenRefused):
        authority.verify(token)


def test_the_overlap_of_a_rotation_can_be_ended_later(shell: Shell) -> None:
    token = shell.token()
    assert "no retired key" in shell.refused("rotate", "--end-overlap")
    shell.json("rotate")
    assert shell.standing(token) == "live"
    [only] = shell.json("rotate", "--end-overlap")["keys"]
    assert only["verifies_until"] is None
    with shell.authority() as authority, pytest.raises(TokenRefused):
        authority.verify(token)
    assert "takes no --overlap" in shell.wrong("rotate", "--end-overlap", "--overlap", "5")


# The audit trail


def test_what_was_done_is_shown_with_who_did_it(shell: Shell) -> None:
    assert "no credential store yet" in shell.refused("audit", "show")
    shell.json("app", "add", "desk", "--scope", SCOPE)
    shell.token("--task", "one")
    shell.token("--task", "two")
    events = shell.json("audit", "show")["events"]
    assert [one["id"] for one in events] == [f"evt-{seq:06d}" for seq in range(1, len(events) + 1)]
    assert events[0]["type"] == "app_registered"
    assert events[0]["by"].startswith("local:")
    assert shell.json("audit", "show", "--type", "token_issued", "--task", "two")["total"] == 1
    agent = events[-1]["agent_id"]
    assert {one["agent_id"] for one in shell.json("audit", "show", "--agent", agent)["events"]} == {agent}
    assert shell.json("audit", "show", "--since", events[-1]["at"])["total"] == 2
    assert shell.json("audit", "show", "--until", events[0]["at"])["total"] == 1
    assert shell("audit", "show", "--task", "nothing").stdout == "no such events\n"
    table = shell("audit", "show", "--last", "2")
    assert len(table.stdout.strip().splitlines()) >= 3
    assert f"the last 2 of {len(events)} events" in table.stderr
    assert len(shell.json("audit", "show", "--last", "2")["events"]) == 2
    assert len(shell.json("audit", "show", "--all")["events"]) == len(events)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--since", "yesterday"), "is not a time"),
        (("--outcome", "maybe"), "neither success nor denied"),
        (("--last", "0"), "greater than or equal to 1"),
    ],
)
def test_a_filter_that_is_none_is_wrong_use(shell: Shell, words: tuple[str, ...], problem: str) -> None:
    assert problem in shell.wrong("audit", "show", *words)


def test_an_untouched_trail_verifies_also_against_a_head_that_was_kept(shell: Shell, tmp_path: Path) -> None:
    shell.token()
    head = tmp_path / "head.json"
    assert shell("audit", "head", "--out", head).exit_code == 0
    signed = shell.json("audit", "head")
    assert signed == json.loads(head.read_text())
    shell.token()
    shell.json("rotate")
    assert shell.json("audit", "verify")["ok"] is True
    told = shell.json("audit", "verify", "--against", head)
    assert (told["ok"], told["first_bad"], told["fault"]) == (True, None, None)
    assert told["events"] > signed["head"]["seq"]
    assert "events more" in shell("audit", "verify", "--against", head).stdout
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps(signed["head"]))
    assert shell.json("audit", "verify", "--against", bare)["ok"] is True


def test_a_head_is_signed_by_the_key_that_is_published(shell: Shell) -> None:
    import msgspec

    shell.token()
    signed = msgspec.convert(shell.json("audit", "head"), SignedHead)
    with shell.authority() as authority:
        key = authority.key_set().find(signed.key_id, 0)
    assert key is not None
    assert is_signed(signed, key.has_signed)


def edited(shell: Shell, statement: str) -> None:
    with sqlite3.connect(shell.folder / "credentials.db") as connection:
        assert connection.execute(statement).rowcount == 1
    connection.close()


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("UPDATE audit SET detail = 'nothing' WHERE seq = 2", "evt-000002"),
        ("DELETE FROM audit WHERE seq = 2", "evt-000002"),
        ("UPDATE audit SET outcome = 'denied' WHERE seq = 1", "evt-000001"),
        ("DELETE FROM audit WHERE seq = (SELECT MAX(seq) FROM audit)", "evt-000003"),
    ],
)
def test_an_edited_trail_names_the_first_bad_event_and_is_still_shown(
    shell: Shell, statement: str, first: str
) -> None:
    shell.token()
    edited(shell, statement)
    done = shell("audit", "verify", "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert (told["ok"], told["first_bad"]) == (False, first)
    assert f"{first} is the first event that cannot be trusted" in done.stderr
    assert "BROKEN" in shell("audit", "verify").stdout
    assert shell("audit", "show").exit_code == 0
    assert "audit chain cannot be trusted" in shell.refused("issue", "--scope", SCOPE)


def test_a_trail_that_was_rebuilt_or_a_head_that_was_edited_shows_against_the_head(
    shell: Shell, tmp_path: Path
) -> None:
    shell.token()
    head = tmp_path / "head.json"
    shell("audit", "head", "--out", head)
    other = Shell(tmp_path / "other")
    other.token()
    done = other("audit", "verify", "--against", head, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["fault"]
    kept = json.loads(head.read_text())
    kept["signature"] = "00" * 64
    head.write_text(json.dumps(kept))
    done = shell("audit", "verify", "--against", head)
    assert done.exit_code == 1
    assert "the signature of the head is wrong" in done.stderr


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"head":{}}', "\x00"])
def test_a_file_that_is_no_head_is_a_failure(shell: Shell, tmp_path: Path, text: str) -> None:
    shell.token()
    (tmp_path / "head.json").write_text(text)
    assert "is not an exported head" in shell.refused("audit", "verify", "--against", tmp_path / "head.json")
    assert "cannot read the head" in shell.refused("audit", "verify", "--against", tmp_path / "no.json")
    assert "cannot write the head" in shell.refused("audit", "head", "--out", tmp_path / "no" / "head.json")


# The files


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_every_file_of_the_home_is_its_owners_alone(shell: Shell) -> None:
    before = os.umask(0)
    try:
        shell.token()
        shell.json("rotate")
    finally:
        os.umask(before)
    assert shell.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in shell.folder.rglob("*")} == {0}


def test_commands_work_beside_an_authority_that_runs(shell: Shell) -> None:
    with shell.authority() as running:
        made = shell.json("app", "add", "desk", "--scope", SCOPE)
        token = running.app_token(made["client_id"], made["client_secret"]).token
        assert shell.standing(token) == "live"
        shell.json("app", "remove", "desk")
        with pytest.raises(TokenRefused):
            running.verify(token)


def test_a_home_that_is_a_file_is_a_failure_of_every_command(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    for words in (
        ("app", "add", "desk", "--scope", SCOPE),
        ("issue", "--scope", SCOPE),
        ("kill",),
        ("rotate",),
    ):
        done = run("credentials", *words, env={"TRADEWRIT_HOME": str(tmp_path / "home")})
        assert (done.exit_code, done.stdout) == (1, "")
        assert "set TRADEWRIT_HOME to a folder of your own" in done.stderr
