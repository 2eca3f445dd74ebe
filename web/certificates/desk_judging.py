"""A verdict on one item, as the desk's pages ask for it and read it back: a radio, a reason ready to choose,
words; one way for uploaded files, for what was filled in and for originals that are brought.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from certificates.catalogue.reasons import Reason, for_item
from certificates.catalogue.scope import Case
from certificates.catalogue.store import Catalogue
from certificates.desk.verdicts import Verdict
from certificates.orders.mine import Mine
from web.languages import N_
from web.visits import Visit


@dataclass(frozen=True, slots=True)
class Sayable:
    """What can be said of an order's items: the reasons in force, for this business."""

    reasons: Sequence[Reason]
    channel: str
    case: Case

    def of(self, about: str) -> Mapping[str, str]:
        """Texts by key, of a document or a section."""
        return {one.key: one.text for one in for_item(self.reasons, self.channel, self.case, about)}


async def sayable(visit: Visit, mine: Mine, case: Case | None = None) -> Sayable:
    reasons = await Catalogue(visit.site.engine).reasons()
    return Sayable(reasons, mine.order.channel, case or mine.case)


def asked(visit: Visit, known: Sayable, item: str, about: str, stands: Verdict | None) -> dict[str, Any]:
    """What judge.html shows of an item: what stands, and what can be said."""
    return {
        "item": item,
        "verdict": "" if stands is None else ("refused" if stands.refused else "accepted"),
        "reason": stands.reason if stands else "",
        "reasons": [("", visit.text(N_("选择常用原因（选填）"))), *known.of(about).items()],
    }


def read(visit: Visit, known: Sayable, items: Mapping[str, str]) -> list[Verdict]:
    """The verdicts of a form. `items`: what each is about. Refused without a reason is not decided."""
    found = []
    for item, about in items.items():
        said = visit.form.get(f"verdict-{item}", "")
        if said == "accepted":
            found.append(Verdict(item=item))
        elif said == "refused" and (refused := _refused(visit, known.of(about), item)):
            found.append(refused)
    return found


def _refused(visit: Visit, known: Mapping[str, str], item: str) -> Verdict | None:
    """A template, words, or both."""
    template = visit.form.get(f"template-{item}", "")
    words = visit.form.get(f"reason-{item}", "").strip()
    parts = dict.fromkeys(part for part in (known.get(template, ""), words) if part)
    if not parts:
        return None
    return Verdict(item=item, reason="；".join(parts), template=template if template in known else "")
