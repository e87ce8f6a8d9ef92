"""The reference page of the commands, generated from what `--help` shows, so that it cannot be out of date.

`docs/reference/commands.md` holds what `commands_page` returns; a test compares them.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import typer
from typer.main import get_command

_INTRODUCTION: Final = """\
# Commands

    tradewrit [--debug] COMMAND ...

Results go to standard output, everything else (warnings, progress, explanations) to standard error, so that
output can be piped. Exit code 0: it worked. 1: it did not, and standard error says why. 2: wrong use. 130:
interrupted; then nothing is half-written. A failure is explained without a traceback; `--debug` shows it.

Colour is used on a terminal only, and never when `NO_COLOR` is set. A progress bar shows for work that takes
longer than a second.

## JSON

With `--json` a command prints one JSON object and nothing else; `journal show --json` prints one object per
line, one for each record. Money is a number with all its digits in `backtest` and `demo` (read it with
`json.loads(text, parse_float=Decimal)`) and text elsewhere; a figure that the data do not define is null.

`backtest --json`: `engine, bars, symbols, trades, open_positions, initial_cash, final_equity, fees,
funding, denied, denied_by{...}, refused, refused_by{...}, load_seconds, run_seconds, run_cpu_seconds,
metrics{...}, notes`. `funding`
is what was received for perpetuals on balance, negative when it was paid. `denied` counts the entries that
the executor's writ kept back (`writs.executor`), `denied_by` those that broke each constraint. `refused`
counts those that the venue did not take, `refused_by` by its code.
`run_cpu_seconds` is the process's CPU time from columns in memory to trades and equity curve. The metrics
are those of `metrics.md`; the notes are sentences, such as why nothing traded.

`credentials app add --json`: `app_id, name, client_id, scopes, constraints, token_ttl, is_protector, status,
created_at, deregistered_at, client_secret`; the secret is printed this once. `credentials issue --json`:
`agent_id, access_token, expires_in, expires_at, token_id, scope, constraints`, or with `--launch`:
`launch_token, expires_at, policy{...}`.

`demo --json`: `trades, orders, fills, events, final_equity, journal_verified, replay_hash_equal, report`.

`review list --json`: `reviews[]`, and `review show --json` one of them: `review, version, hash, state,
trade_id, symbol, side, entry_type, quantity, entry_price, stop_price, target_price, cost, worst_loss,
reward_risk, strategy, requester, reasons[], inputs{}, note, replaces, approved_by[], people_needed, asked_at,
expires_at, time_left_s`. `halt`, `resume`, `flatten`, `shutdown`, `close`, `move-stop`, `cancel`, `adopt`,
`believe` and the answers of `review`: `said`. `orders --json`: `orders[{order, role, symbol, side, quantity,
type, limit_price, stop_price, state, filled, trade_id}]`.

`status --json`: `at` (UTC ns), `mode, because, account, strategy, equity, cash, held{}, naked[], overnight[],
working, unknown[], reviews, cooling[], disputed{}, suspended{}, paused{}, strangers[], venue, waits, flying,
queued[], dropped, refused, overdue, skew_s, lines[{name, is_up, silent_s, cuts}], breakers[{endpoint, gate,
reason, again_in_s, calls, failures, opened, rejected}]`. `doctor --json`: `ok, checks[{name, ok, found,
advice, enables, is_required}]`.

`simulate --json`: `seeds, events, faults{...}, violations[{seed, profile, point, invariant, at_s, message,
reproduce}], coverage, seconds`; `simulate enumerate --json` has `deaths` in the place of `seeds`. `coverage`
counts triples of what an order was in, what it heard, and what had just gone wrong.

## Trades file

`backtest --trades` writes CSV: `symbol,side,quantity,entry_time,entry_price,exit_time,exit_price,exit_reason,
fees,pnl`. One row per lot that was opened and closed (first in, first out), by the bar of the exit, then by
symbol rank. Times are the `ts` of the filling bar, ISO-8601 with `Z`; `fees` are those of both sides, and
`pnl` is net of them. Where funding was paid or received, a last column `funding` says how much; it is in
`pnl`.

## Configuration of a backtest

`--param`, `--cash` and `--strategy` go before the configuration, which goes before the defaults.
Parameters in a configuration belong to its own strategy: another one named by `--strategy` starts from
its defaults. A review policy that asks people is refused: in a backtest nobody answers. `journal.path`
counts only in `mode: backtest`, so that no backtest writes into the journal of an account that trades; a
backtest's journal does not wait for the disk, since the run can be repeated.
"""
_MARKUP: Final = re.compile(r"\[/?(?:bold|dim)\]")
_SAME_FOR_ALL: Final = frozenset({"help"})


def commands_page(app: typer.Typer) -> str:
    """The whole page, in Markdown."""
    root = get_command(app)
    return "".join((_INTRODUCTION, *_sections(root, ("tradewrit",))))


def leaves(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that call it."""
    subcommands = getattr(command, "commands", None) or {}
    if not subcommands or getattr(command, "invoke_without_command", False):
        yield words, command
    for name, one in subcommands.items():
        yield from leaves(one, (*words, name))


def _sections(root: Any, words: tuple[str, ...]) -> Iterator[str]:
    for called, command in leaves(root, words):
        yield f"\n## {' '.join(called)}\n\n{_told(command.help)}\n\n"
        yield from _examples(command.epilog)
        rows = [row for param in command.params if (row := _row(param))]
        if rows:
            yield "| | Default | Meaning |\n|---|---|---|\n"
            yield from rows


def _told(text: str | None) -> str:
    return _MARKUP.sub("", text or "").strip()


def _examples(epilog: str | None) -> Iterator[str]:
    _, *lines = _told(epilog).splitlines() or [""]
    if lines:
        yield "".join(f"    {line}\n" for line in lines) + "\n"


def _row(param: Any) -> str:
    if param.name in _SAME_FOR_ALL:
        return ""
    is_option = param.param_type_name == "option"
    value = param.metavar or param.name.upper()
    name = ", ".join(param.opts) if is_option else value
    takes_value = is_option and not getattr(param, "is_flag", False)
    shown = f"{name} {value}" if takes_value else name
    if param.required:
        default = "must be given"
    elif param.default in (None, False, ()):
        default = ""
    else:
        default = f"`{_value(param.default)}`"
    meaning = param.help or ""
    return f"| `{shown}` | {default} | {meaning} |\n".replace(shown, shown.replace("|", "\\|"), 1)


def _value(value: object) -> str:
    return str(getattr(value, "value", value))
