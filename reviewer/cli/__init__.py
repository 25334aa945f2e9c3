"""The command line."""

from __future__ import annotations


def main() -> None:
    """Runs the command line. The analysis process is started first, so that both load at the same time."""
    import io
    import sys

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    from reviewer.cli.analyst import start_early

    start_early(sys.argv[1:])
    from reviewer.cli.commands import app

    app(prog_name="reviewer")
