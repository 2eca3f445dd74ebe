"""`luochui check ARCHIVE.zip`: the archive of a lot, in plain words."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from signing.chain import Trust
from signing.findings import Verdict
from signing.report_times import shown
from trading.awards.archive_check import ArchiveReport, Fault, Found, check_archive
from trading.awards.archive_check import looks_like_archive as looks_like_archive

_VERDICTS: Final[Mapping[str, Mapping[Verdict, str]]] = {
    "zh": {
        Verdict.VALID: "档案有效：文件没有改动，平台的印章可信。",
        Verdict.UNPROVEN: "档案不能证实：文件没有改动，但是平台的印章还有不能证实的地方。",
        Verdict.INVALID: "档案无效。",
    },
    "en": {
        Verdict.VALID: "The archive is valid: nothing was changed, and the platform's seal is trusted.",
        Verdict.UNPROVEN: "The archive is not proven: nothing was changed, but the seal is not proven.",
        Verdict.INVALID: "The archive is not valid.",
    },
}
_FAULTS: Final[Mapping[str, Mapping[Fault, str]]] = {
    "zh": {
        Fault.NOT_AN_ARCHIVE: "不是交易档案：{why}",
        Fault.MANIFEST: "清单读不出来：{why}",
        Fault.NO_SEAL: "没有平台的印章（manifest.seal）",
        Fault.SEAL_UNREADABLE: "平台的印章读不出来：{why}",
        Fault.OTHER_SEALED: "平台的印章盖的不是清单",
        Fault.CHANGED: "文件被改动：{path}",
        Fault.UNLISTED: "清单里没有的文件：{path}",
        Fault.TWICE: "同名文件出现两次：{path}",
        Fault.LEDGER: "账本重放不出结果：{why}",
        Fault.LEDGER_KEY: "账本的密钥不是清单写明的那一把",
    },
    "en": {
        Fault.NOT_AN_ARCHIVE: "not an archive of a lot: {why}",
        Fault.MANIFEST: "the manifest cannot be read: {why}",
        Fault.NO_SEAL: "the platform's seal (manifest.seal) is missing",
        Fault.SEAL_UNREADABLE: "the platform's seal cannot be read: {why}",
        Fault.OTHER_SEALED: "the platform's seal is over something else",
        Fault.CHANGED: "changed: {path}",
        Fault.UNLISTED: "not in the manifest: {path}",
        Fault.TWICE: "there twice: {path}",
        Fault.LEDGER: "the ledger does not replay: {why}",
        Fault.LEDGER_KEY: "the ledger was sealed with another key than the manifest names",
    },
}
_LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    "zh": {
        "lot": "标的",
        "made": "归档时间",
        "platform": "平台",
        "checked": "已核对文件",
        "absent": "清单里有、这一份没有给出的文件",
        "ledger": "账本重放",
        "seal": "印章",
        "entries": "{n} 条，结果一致",
    },
    "en": {
        "lot": "Lot",
        "made": "Archived",
        "platform": "Platform",
        "checked": "Files checked",
        "absent": "Listed files that are not in this part",
        "ledger": "Ledger replayed",
        "seal": "Seal",
        "entries": "{n} entries, same result",
    },
}
MOST_SHOWN: Final = 50
_STATUS: Final = {Verdict.VALID: 0, Verdict.INVALID: 1, Verdict.UNPROVEN: 2}


def check_file(path: Path, trust: Trust, lang: str, *, as_json: bool) -> tuple[str, int]:
    """What to say, and the exit status. Raises OSError."""
    report = check_archive(path, trust, now=datetime.now(UTC))
    said = json.dumps(as_dict(report), ensure_ascii=False) if as_json else as_text(report, lang)
    return said, _STATUS[report.verdict]


def as_text(report: ArchiveReport, lang: str) -> str:
    lines = [_VERDICTS[lang][report.verdict]]
    lines += [f"  - {_worded(found, lang)}" for found in report.findings[:MOST_SHOWN]]
    if report.seal is not None:
        lines += [f"  - {finding}" for finding in report.seal.findings]
    if report.manifest is None:
        return "\n".join(lines)
    words, manifest = _LABELS[lang], report.manifest
    rows = [
        ("lot", f"{manifest.lot} {manifest.title}"),
        ("platform", manifest.platform),
        ("made", shown(datetime.fromisoformat(manifest.made_at))),
        ("checked", str(report.checked)),
        ("absent", str(report.absent) if report.absent else ""),
        ("ledger", words["entries"].format(n=report.ledger_entries) if report.ledger_entries else ""),
        ("seal", str(report.seal.signature.seal) if report.seal else ""),
    ]
    return "\n".join([*lines, "", *(f"  {words[name]}: {value}" for name, value in rows if value)])


def _worded(found: Found, lang: str) -> str:
    return _FAULTS[lang][found.fault].format(path=found.path, **found.facts)


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
