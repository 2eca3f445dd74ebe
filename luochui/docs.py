"""The generated parts of the documents: `python -m luochui.docs` writes them, `--check` says what is stale.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->` in a Markdown file of docs/.
"""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bidding.messages import Phase, Reason
from bidding.session import ENDED, TRANSITIONS

DOCS: Final = Path(__file__).parent.parent / "docs"
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


GENERATORS: Final[Mapping[str, Callable[[], str]]] = {
    "state-diagram": state_diagram,
    "order-of-checks": order_of_checks,
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
