"""`python -m tradewrit.surfaces.docs`: write the generated pages, or with --check only look at them."""

from pathlib import Path
from typing import Annotated

import typer

from tradewrit.surfaces.docs.pages import FOLDER, PAGES, stale, write


def main(
    root: Annotated[Path, typer.Option(help="The checkout whose pages are meant.")] = Path(),
    *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a page is stale.")] = False,
) -> None:
    """Write the reference pages that are generated from the code.

    Example: python -m tradewrit.surfaces.docs --check
    """
    if not (root / FOLDER).is_dir():
        typer.echo(f"{root / FOLDER} is no folder: run this in a checkout, or name one with --root", err=True)
        raise typer.Exit(2)
    names = stale(root) if check else write(root)
    for name in PAGES:
        state = ("stale" if check else "written") if name in names else "fresh"
        typer.echo(f"{FOLDER}/{name}: {state}")
    if check and names:
        typer.echo("run python -m tradewrit.surfaces.docs to write what is stale", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
