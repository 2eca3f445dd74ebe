"""What the page of checks says of the archive of a lot: what is in it, what holds, and who answers for it.

A seal that holds says who sealed, not that it was this platform: the manifest is compared with the one that
this platform made of the lot. Only where both are the same the answer is a plain yes.
"""

from enum import StrEnum
from typing import Any, Final

from signing.findings import Verdict
from signing.report_lines import plain, technical
from signing.report_times import shown
from signing.report_words import language
from trading.awards.archive import Archives
from trading.awards.archive_bounded import ArchiveSummary
from trading.awards.archive_check import Fault
from trading.awards.archive_words import FOLDERS, VERDICTS, worded
from web.languages import N_
from web.visits import Visit


class Ours(StrEnum):
    """How the archive stands to what this platform made of the lot."""

    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"


_KINDS: Final = {Verdict.VALID: "success", Verdict.UNPROVEN: "warning", Verdict.INVALID: "danger"}
_DOUBTS: Final = {
    Ours.OTHER: N_("请不要依据它办事：它与本平台保存的这个标的的档案不是同一份。"),
    Ours.UNKNOWN: N_("文件没有改动，印章也是真的；但是本平台没有这份档案，请先确认盖章单位是谁。"),
}
_OF_FILES: Final = frozenset({Fault.CHANGED, Fault.UNLISTED, Fault.TWICE})


async def shown_archive(visit: Visit, summary: ArchiveSummary) -> dict[str, Any]:
    """For the template."""
    lang, verdict = language(visit.locale), Verdict(summary.verdict)
    ours = await _ours(visit, summary) if verdict is Verdict.VALID else Ours.SAME
    kind = {Ours.SAME: _KINDS[verdict], Ours.OTHER: "danger", Ours.UNKNOWN: "warning"}[ours]
    wrong = [_sentence(worded(found, lang)) for found in summary.findings]
    seal = plain(summary.seal_findings, lang)
    return {
        "archive": True,
        "kind": kind,
        "headline": VERDICTS[lang][verdict] if ours is Ours.SAME else visit.text(_DOUBTS[ours]),
        "holds": _holds(visit, summary, ours),
        "wrong": [*wrong, *(seal if summary.seal_verdict == Verdict.INVALID else ())],
        "more": summary.more,
        "unknown": seal if summary.seal_verdict == Verdict.UNPROVEN else [],
        "technical": technical(summary.seal_findings, lang),
        "rows": [row for row in _rows(visit, summary) if row[1]],
        "folders": [(FOLDERS[lang].get(name, name), count) for name, count in summary.folders.items()],
        "absent": summary.absent,
        "seals": (),
    }


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:]


async def _ours(visit: Visit, summary: ArchiveSummary) -> Ours:
    site = visit.site
    stored = await Archives(site.engine, site.sealed, site.files).of_lot(summary.lot)
    if stored is None:
        return Ours.UNKNOWN
    return Ours.SAME if stored.manifest == summary.manifest else Ours.OTHER


def _holds(visit: Visit, summary: ArchiveSummary, ours: Ours) -> list[str]:
    """What was found to be right, one sentence each."""
    faults = {found.fault for found in summary.findings}
    said = []
    if summary.checked and faults.isdisjoint(_OF_FILES):
        said.append(visit.text(N_("%(n)s 个文件都与清单一致，没有改动。")) % {"n": summary.checked})
    if summary.seal_verdict == Verdict.VALID:
        by = {"name": summary.signer}
        said.append(visit.text(N_("清单上盖着“%(name)s”的电子印章，印章是真的，盖章后清单没有改动。")) % by)
    if summary.ledger_entries and faults.isdisjoint({Fault.LEDGER, Fault.LEDGER_KEY}):
        entries = {"n": summary.ledger_entries}
        said.append(visit.text(N_("竞价账本共 %(n)s 条，从头重算一遍，结果一致。")) % entries)
    if summary.verdict == Verdict.VALID and ours is Ours.SAME:
        said.append(visit.text(N_("清单与本平台保存的这个标的的清单相同。")))
    return said


def _lot(visit: Visit, summary: ArchiveSummary) -> str:
    if not summary.lot:
        return ""
    return visit.text(N_("%(what)s（%(note)s）")) % {"what": summary.title, "note": summary.lot}


def _rows(visit: Visit, summary: ArchiveSummary) -> list[tuple[str, str]]:
    return [
        (visit.text(N_("标的名称")), _lot(visit, summary)),
        (visit.text(N_("清单上写的平台")), summary.platform),
        (visit.text(N_("归档时间")), shown(summary.made_at) if summary.made_at else ""),
        (visit.text(N_("印章")), summary.seal_name),
        (visit.text(N_("盖章人")), summary.signer),
        (visit.text(N_("盖章时间")), shown(summary.sealed_at) if summary.sealed_at else ""),
    ]
