"""The live table of `dawnline up`: one row a node, units in the head, nothing that only a colour says."""

from typing import Literal

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ground.views import FleetView, NodeView

PLAIN_EVERY = 20  # refreshes between two prints where there is no terminal
NOTES_MAX = 6
WIDE_COLUMNS = 120  # of the terminal, for the whole table

_MODE_STYLE = {"SAFE": "bold red", "SURVIVAL": "red", "ECLIPSE": "blue", "NOMINAL": "green", "BOOST": "bold green"}
# Heading, justification, and whether the column stays on a narrow terminal.
_COLUMNS: tuple[tuple[str, Literal["left", "right"], bool], ...] = (
    ("node", "left", True),
    ("mode", "left", True),
    ("light", "left", True),
    ("battery", "right", True),
    ("solar kW", "right", False),
    ("load kW", "right", False),
    ("running job", "left", True),
    ("queue", "right", True),
    ("lasers", "left", False),
    ("contact", "left", False),
    ("heard", "right", True),
)


class LiveTable:
    """Shows the fleet in place on a terminal, and now and then as plain lines elsewhere."""

    def __init__(self, console: Console, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._notes: list[str] = []
        self._shown = 0
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal and not quiet else None

    def __enter__(self) -> "LiveTable":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def complain(self, note: str) -> None:
        """Keep a line under the table: what died, what does not answer."""
        if self._notes[-1:] != [note]:
            self._notes = [*self._notes, note][-NOTES_MAX:]
            if self._live is None and not self._quiet:
                self._console.print(note, highlight=False)

    def show(self, fleet: FleetView) -> None:
        """Show the fleet as the ground sees it."""
        table = fleet_table(fleet, narrow=self._console.width < WIDE_COLUMNS)
        if self._live is not None:
            self._live.update(Group(table, *(Text(note, style="yellow") for note in self._notes)), refresh=True)
        elif not self._quiet and self._shown % PLAIN_EVERY == 0:
            self._console.print(table)
        self._shown += 1


def fleet_table(fleet: FleetView, narrow: bool) -> Table:
    """Return the fleet as a table; a narrow one leaves out what the console shows better."""
    title = f"{fleet['mission']}   {fleet['now_iso']}   {fleet['rate']:g} x"
    table = Table(title=title, title_justify="left", expand=False)
    kept = [not narrow or stays for _, _, stays in _COLUMNS]
    for (heading, justify, _), keep in zip(_COLUMNS, kept, strict=True):
        if keep:
            table.add_column(heading, justify=justify, no_wrap=True)
    for node in fleet["nodes"]:
        table.add_row(*(cell for cell, keep in zip(_row(node), kept, strict=True) if keep))
    return table


def _row(node: NodeView) -> tuple[str | Text, ...]:
    mode = node["mode"] or "unknown"
    sunlit = node["sunlit_frac"]
    light = "—" if sunlit is None else "sun" if sunlit > 0.5 else "eclipse"
    running = ", ".join(node["jobs_running"]) or (node["hold_reason"] or "—")
    if node["jobs_running"] and node["job_progress_frac"] is not None:
        running += f" {node['job_progress_frac']:.0%}"
    lasers = " ".join(f"{row['state'].lower()}:{row['peer'] or '—'}" for row in node["lasers"]) or "—"
    return (
        node["node"],
        Text(mode, style=_MODE_STYLE.get(mode, "")),
        light,
        "—" if node["soc_frac"] is None else f"{node['soc_frac']:.0%}",
        _kilo(node["solar_w"]),
        _kilo(node["load_w"]),
        running,
        str(node["jobs_queued"]),
        lasers,
        "in contact" if node["in_contact"] else "—",
        "never" if node["heard_s_ago"] is None else f"{node['heard_s_ago']:.0f} s ago",
    )


def _kilo(value_w: float | None) -> str:
    return "—" if value_w is None else f"{value_w / 1000:.1f}"
