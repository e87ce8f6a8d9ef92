"""The console entry point, and the place where concrete classes meet."""


def main() -> None:
    """Run the `tradewrit` command line; never returns.

    Exit code 0 for success, 2 for wrong use, 1 for a failure that standard error explains.
    """
    from tradewrit.surfaces.cli.main import assemble
    from tradewrit.surfaces.cli.output import tolerate_any_text

    tolerate_any_text()
    assemble()(prog_name="tradewrit")
