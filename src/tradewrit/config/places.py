"""Where things lie on this machine: the data folder, the configuration file, the journal.

Looks at names and at the environment it is given; creates nothing.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from tradewrit.config.tree import Config
from tradewrit.errors import ConfigError


def data_folder(env: Mapping[str, str], platform: str = sys.platform) -> Path:
    """The folder for what must last: TRADEWRIT_HOME, or where the platform keeps a user's data.

    Raises ConfigError when there is neither TRADEWRIT_HOME nor a home directory.
    """
    if home := env.get("TRADEWRIT_HOME"):
        return _expanded(home)
    if platform == "win32":
        local = env.get("LOCALAPPDATA")
        return (Path(local) if local else _home(env) / "AppData" / "Local") / "tradewrit"
    if platform == "darwin":
        return _home(env) / "Library" / "Application Support" / "tradewrit"
    shared = env.get("XDG_DATA_HOME", "")
    # The XDG specification: a relative path there is to be ignored.
    return (Path(shared) if shared.startswith("/") else _home(env) / ".local" / "share") / "tradewrit"


def config_file(env: Mapping[str, str]) -> Path | None:
    """The file that TRADEWRIT_CONFIG names; None leaves the defaults."""
    named = env.get("TRADEWRIT_CONFIG")
    return _expanded(named) if named else None


def journal_file(config: Config, env: Mapping[str, str]) -> Path | None:
    """Where the account's journal lies; None stands for memory, which is what a backtest uses.

    Without `journal.path` it is in the data folder, one file for each mode and account, so that a
    paper run never writes into the journal of a live account. A relative path starts at the current
    directory.
    """
    if config.journal.path is not None:
        return _expanded(config.journal.path)
    if config.mode == "backtest":
        return None
    return data_folder(env) / "journals" / f"{config.mode}-{config.account.name}.sqlite"


def _home(env: Mapping[str, str]) -> Path:
    named = env.get("HOME") or env.get("USERPROFILE")
    if named:
        return Path(named)
    try:
        return Path.home()
    except RuntimeError:
        raise ConfigError("this user has no home directory: set TRADEWRIT_HOME to a data folder") from None


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ConfigError(f"{text}: there is no such user's home directory; write the path out") from None
