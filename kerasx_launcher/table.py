"""Tables: fitted to a terminal; elsewhere aligned lines that are never cut."""

from collections.abc import Sequence

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

UNLIMITED = 10_000


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of text under the names of their columns."""
    console = Console()
    if console.is_terminal:
        table = Table(*columns, box=SIMPLE_HEAD, show_edge=False)
        for column in table.columns[:-1]:
            column.no_wrap = True
    else:
        console = Console(width=UNLIMITED)
        table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(Text, row))
    if console.width < UNLIMITED:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))
