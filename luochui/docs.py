"""The generated parts of the documents: `python -m luochui.docs` writes them, `--check` says what is stale.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->` in a Markdown file of docs/.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from bidding.messages import Phase, Reason
from bidding.session import ENDED, TRANSITIONS
from certificates.catalogue.listing import shipped_tables
from certificates.orders.table import STAYS as ORDER_STAYS
from certificates.orders.table import TRANSITIONS as ORDERS
from trading.lifecycle.states import LotState
from trading.lifecycle.table import FINAL, targets
from trading.lifecycle.table import TRANSITIONS as LIFECYCLE

DOCS: Final = Path(__file__).parent.parent / "docs"
PROVEN: Final = DOCS / "certificates.proven.txt"
"""What tests/integration/test_certificate_matrix.py carries to its end of the certificate services."""
PART: Final = re.compile(r"(<!-- generated: ([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def state_diagram() -> str:
    """The phases of a lot, from the table that the rules themselves use."""
    edges = [f"    {phase} --> {to}" for phase, targets in TRANSITIONS.items() for to in sorted(targets)]
    ends = [f"    {phase} --> [*]" for phase in Phase if phase in ENDED]
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Phase.SCHEDULED}", *edges, *ends, "```", ""]
    return "\n".join(lines)


def order_of_checks() -> str:
    """Why a bid is refused, in the order in which the book looks."""
    return "".join(f"{number}. `{reason}`\n" for number, reason in enumerate(Reason, start=1))


def lifecycle_diagram() -> str:
    """The states of a listing; each arrow is named after the acts that take it."""
    arrows: dict[tuple[LotState, LotState], list[str]] = {}
    for act, rows in LIFECYCLE.items():
        for row in rows:
            for before in sorted(row.before):
                for after in sorted(targets(row, before)):
                    arrows.setdefault((before, after), []).append(act.value)
    order = list(LotState)
    edges = [
        f"    {before} --> {after}: {', '.join(arrows[before, after])}"
        for before, after in sorted(arrows, key=lambda pair: (order.index(pair[0]), order.index(pair[1])))
    ]
    ends = [f"    {state} --> [*]" for state in LotState if state in FINAL]
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {LotState.DRAFT}", *edges, *ends, "```", ""]
    return "\n".join(lines)


def lifecycle_table() -> str:
    """Every row: who does it, from where, what has to be true, what is published, who hears of it."""
    heading = "| act | from | to | who | needs | published | told |\n|---|---|---|---|---|---|---|\n"
    return heading + "".join(
        f"| {act} | {_names(row.before)} | {'the same' if before_is_after else _names(row.after)}"
        f" | {_names(row.who)} | {', '.join(row.needs) or '–'} | {row.announces or '–'}"
        f" | {_names(row.tells) or '–'} |\n"
        for act, rows in LIFECYCLE.items()
        for row in rows
        for before_is_after in (all(targets(row, before) == {before} for before in row.before),)
    )


def _names(values: Iterable[str]) -> str:
    return ", ".join(sorted(values))


def order_table() -> str:
    """Every row of the life of an order: who does it, from where, what has to be true."""
    heading = "| act | from | to | who | needs |\n|---|---|---|---|---|\n"
    return heading + "".join(
        f"| {act} | {_names(row.before)} | {'the same' if act in ORDER_STAYS else _names(row.after)}"
        f" | {_names(row.who)} | {', '.join(row.needs) or '–'} |\n"
        for act, rows in ORDERS.items()
        for row in rows
    )


def certificate_services() -> str:
    """What is offered, at what price, and whether it was carried to its end."""
    return shipped_tables(frozenset(PROVEN.read_text("ascii").split()))


GENERATORS: Final[Mapping[str, Callable[[], str]]] = {
    "state-diagram": state_diagram,
    "order-of-checks": order_of_checks,
    "lifecycle-diagram": lifecycle_diagram,
    "lifecycle-table": lifecycle_table,
    "certificate-services": certificate_services,
    "order-table": order_table,
}


def fresh(text: str) -> str:
    """The document with every generated part made anew; KeyError for a part that nobody makes."""
    return PART.sub(lambda part: f"{part[1]}{GENERATORS[part[2]]()}{part[4]}", text)


def stale(folder: Path = DOCS) -> list[Path]:
    """The documents whose generated parts differ from what the code says now."""
    return [path for path in sorted(folder.rglob("*.md")) if fresh(text := path.read_text("utf-8")) != text]


def main(arguments: list[str]) -> int:
    found = stale()
    if "--check" in arguments:
        for path in found:
            print(f"{path.name} is stale: run 'make docs'", file=sys.stderr)
        return 1 if found else 0
    for path in found:
        path.write_text(fresh(path.read_text("utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
