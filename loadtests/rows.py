"""The rows of a measurement: their form, whether they meet their target, the table, the file."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

_LIMIT: Final = re.compile(r"(value|ratio) (<=|>=) ([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Row:
    """One measured number. `floor` is in the same unit and from the same run, `ratio` is value / floor.

    `target` is a limit like "ratio <= 3" or "value >= 30000"; rows whose target belongs to later work have
    none, and say the number in `goal`.
    """

    row: str
    value: float | None
    unit: str
    floor: float | None = None
    target: str | None = None
    goal: str = ""
    note: str = field(default="", compare=False)

    @property
    def ratio(self) -> float | None:
        return None if self.value is None or not self.floor else self.value / self.floor

    @property
    def met(self) -> bool | None:
        """Computed, never set; None without a target."""
        if self.target is None:
            return None
        limit = _LIMIT.fullmatch(self.target)
        if limit is None:
            raise ValueError(f"{self.target!r} is no limit")
        measured = self.ratio if limit[1] == "ratio" else self.value
        if measured is None:
            return False
        return measured <= float(limit[3]) if limit[2] == "<=" else measured >= float(limit[3])

    def as_json(self) -> dict[str, Any]:
        raw = {name: value for name, value in asdict(self).items() if name != "note"}
        order = ("row", "value", "unit", "floor", "ratio", "target", "goal", "met")
        raw |= {"ratio": _rounded(self.ratio), "met": self.met}
        raw |= {"value": _rounded(self.value), "floor": _rounded(self.floor)}
        return {name: raw[name] for name in order}


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed. Raises ValueError without values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def middle(values: Iterable[float]) -> float | None:
    """The median, None without values."""
    found = list(values)
    return median(found) if found else None


def write(rows: Sequence[Row], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([row.as_json() for row in rows], indent=2, ensure_ascii=False) + "\n")


def show(rows: Sequence[Row], console: Console) -> None:
    """The table, and below it what the rows' notes say."""
    table = Table(show_lines=False, pad_edge=False)
    table.add_column("row", overflow="fold")
    for name in ("value", "unit", "floor", "ratio"):
        table.add_column(name, justify="right")
    for name in ("target", "met", "goal"):
        table.add_column(name, overflow="fold")
    for row in rows:
        met = {True: "[green]yes[/]", False: "[red]NO[/]", None: ""}[row.met]
        numbers = (_text(row.value), row.unit, _text(row.floor), _text(row.ratio))
        table.add_row(row.row, *numbers, row.target or "", met, row.goal)
    console.print(table)
    for row in rows:
        if row.note:
            console.print(f"  {row.row}: {row.note}", soft_wrap=True, highlight=False, markup=False)


def _text(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
