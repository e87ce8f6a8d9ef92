"""`tradewrit credentials serve|...`: who may act, and for how long."""

import typer

from tradewrit.surfaces.cli import credentials_serve


def register(app: typer.Typer) -> None:
    """Add `tradewrit credentials serve`."""
    group = typer.Typer(help="Run the credential authority.", no_args_is_help=True)
    group.command("serve", epilog=credentials_serve.EPILOG)(credentials_serve.serve)
    app.add_typer(group, name="credentials")
