"""`tradewrit credentials ...`: the authority of the home folder, from the shell and as a server.

The commands work on the files themselves, so no server is needed; one that runs on the same home sees
what they do at once.
"""

import typer

from tradewrit.surfaces.cli import (
    credentials_apps,
    credentials_audit,
    credentials_ending,
    credentials_inspect,
    credentials_issue,
    credentials_kill,
    credentials_operators,
    credentials_serve,
)


def register(app: typer.Typer) -> None:
    """Add `tradewrit credentials serve|issue|inspect|revoke|kill|rearm|rotate|app|operator|audit`."""
    group = typer.Typer(help="Say who may act: apps, people, tokens and their end.", no_args_is_help=True)
    group.command("serve", epilog=credentials_serve.EPILOG)(credentials_serve.serve)
    for one in (
        credentials_issue,
        credentials_inspect,
        credentials_ending,
        credentials_kill,
        credentials_apps,
        credentials_operators,
        credentials_audit,
    ):
        one.register(group)
    app.add_typer(group, name="credentials")
