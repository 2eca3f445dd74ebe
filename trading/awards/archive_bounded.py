"""A stranger's archive, checked in a process with limits as a sealed document is (`signing.bounded`).

    said = await check_archive_bounded(data, trust, now=now)      # None: it is no archive

What comes back is plain values. An archive that the limits stop is not valid, and the answer says by which.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter

from signing.bounded import Stopped, ask_bounded, question
from signing.chain import Trust
from signing.findings import Verdict
from signing.report import MAX_FINDINGS, Said, harmless, said
from signing.sm3 import sm3
from trading.awards.archive_check import ArchiveReport, Fault, Found

_MODULE: Final = "trading.awards.archive_process"


@dataclass(frozen=True, slots=True)
class ArchiveSummary:
    """A report as it is shown. What could not be read is empty."""

    verdict: int
    lot: str = ""
    title: str = ""
    platform: str = ""
    made_at: datetime | None = None
    manifest: str = ""
    """SM3 of the manifest in hexadecimal."""
    checked: int = 0
    absent: int = 0
    ledger_entries: int = 0
    folders: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Found, ...] = ()
    more: int = 0
    """Findings that are not listed."""
    seal_name: str = ""
    signer: str = ""
    sealed_at: datetime | None = None
    seal_verdict: int = int(Verdict.INVALID)
    seal_findings: tuple[Said, ...] = ()


ADAPTER: Final[TypeAdapter[ArchiveSummary | None]] = TypeAdapter(ArchiveSummary | None)
_ZIP: Final = b"PK"


async def check_archive_bounded(data: bytes, trust: Trust, *, now: datetime) -> ArchiveSummary | None:
    """Check within the limits; None for what is no archive. OSError when no process can be made."""
    if not data.startswith(_ZIP):
        return None
    try:
        return ADAPTER.validate_json(await ask_bounded(_MODULE, question(data, trust, now=now)))
    except Stopped as limit:
        stopped = Found(Fault.TOO_COSTLY, facts={"limit": str(limit)})
        return ArchiveSummary(int(Verdict.INVALID), findings=(stopped,))


def summarize(report: ArchiveReport) -> ArchiveSummary:
    """A report reduced to what is shown, its texts made harmless."""
    manifest, seal = report.manifest, report.seal
    signer = seal.signer.path[0].subject if seal and seal.signer else None
    return ArchiveSummary(
        verdict=int(report.verdict),
        lot=harmless(manifest.lot) if manifest else "",
        title=harmless(manifest.title) if manifest else "",
        platform=harmless(manifest.platform) if manifest else "",
        made_at=datetime.fromisoformat(manifest.made_at) if manifest else None,
        manifest=sm3(manifest.text()).hex() if manifest else "",
        checked=report.checked,
        absent=report.absent,
        ledger_entries=report.ledger_entries,
        folders={harmless(name): count for name, count in list(report.folders.items())[:MAX_FINDINGS]},
        findings=report.findings[:MAX_FINDINGS],
        more=max(0, len(report.findings) - MAX_FINDINGS),
        seal_name=harmless(seal.signature.seal.info.name) if seal else "",
        signer=harmless(signer.common_name or signer.organization) if signer else "",
        sealed_at=seal.moment if seal else None,
        seal_verdict=int(seal.verdict if seal else Verdict.INVALID),
        seal_findings=tuple(said(finding) for finding in seal.findings)[:MAX_FINDINGS] if seal else (),
    )
