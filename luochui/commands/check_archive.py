"""`luochui check ARCHIVE.zip`: the archive of a lot, in plain words."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from signing.chain import Trust
from signing.findings import Verdict
from signing.report import harmless
from signing.report_times import shown
from trading.awards.archive_check import ArchiveReport, check_archive
from trading.awards.archive_check import looks_like_archive as looks_like_archive
from trading.awards.archive_words import LABELS, VERDICTS, worded

MOST_SHOWN: Final = 50
_STATUS: Final = {Verdict.VALID: 0, Verdict.INVALID: 1, Verdict.UNPROVEN: 2}


def check_file(path: Path, trust: Trust, lang: str, *, as_json: bool) -> tuple[str, int]:
    """What to say, and the exit status. Raises OSError."""
    report = check_archive(path, trust, now=datetime.now(UTC))
    said = json.dumps(as_dict(report), ensure_ascii=False) if as_json else as_text(report, lang)
    return said, _STATUS[report.verdict]


def as_text(report: ArchiveReport, lang: str) -> str:
    lines = [VERDICTS[lang][report.verdict]]
    lines += [f"  - {worded(found, lang)}" for found in report.findings[:MOST_SHOWN]]
    if report.seal is not None:
        lines += [f"  - {finding}" for finding in report.seal.findings]
    if report.manifest is None:
        return "\n".join(lines)
    words, manifest = LABELS[lang], report.manifest
    rows = [
        ("lot", harmless(f"{manifest.lot} {manifest.title}")),
        ("platform", harmless(manifest.platform)),
        ("made", shown(datetime.fromisoformat(manifest.made_at))),
        ("checked", str(report.checked)),
        ("absent", str(report.absent) if report.absent else ""),
        ("ledger", words["entries"].format(n=report.ledger_entries) if report.ledger_entries else ""),
        ("seal", str(report.seal.signature.seal) if report.seal else ""),
    ]
    return "\n".join([*lines, "", *(f"  {words[name]}: {value}" for name, value in rows if value)])


def as_dict(report: ArchiveReport) -> dict[str, Any]:
    """For programs."""
    manifest = report.manifest
    return {
        "verdict": report.verdict.name.lower(),
        "lot": manifest.lot if manifest else "",
        "checked": report.checked,
        "absent": report.absent,
        "ledger_entries": report.ledger_entries,
        "findings": [
            {"fault": found.fault.value, "path": found.path, **found.facts} for found in report.findings
        ],
        "seal": [str(finding) for finding in report.seal.findings] if report.seal else None,
    }
