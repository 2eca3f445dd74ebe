"""The report on a checked document as PDF, in Chinese. Data goes to typst as data, never as markup."""

import base64
from pathlib import Path
from typing import Any, Final

from signing.report import Seal, Summary
from signing.report_lines import plain, technical
from signing.report_times import shown
from signing.report_words import VERDICTS, coverage, headline
from signing.typesetting import compiler_of

TEMPLATE: Final = Path(__file__).parent / "templates" / "check_report.typ"
_TOKENS: Final = ("valid", "unproven", "invalid")


def render_report(summary: Summary, name: str = "") -> bytes:
    """One to a few pages. `name` is what the file was called."""
    data = {
        "headline": headline(summary, "zh"),
        "state": _TOKENS[summary.verdict],
        "facts": [
            ["文件名", name[-120:] or "—"],
            ["格式", summary.kind.upper() or "—"],
            ["大小", f"{summary.size:,} 字节"],
            ["文件 SM3", _grouped(summary.digest)],
            ["检查时间", f"{shown(summary.now)}（北京时间）"],
        ],
        "findings": plain(summary.findings, "zh"),
        "technical": technical(summary.findings, "zh"),
        "seals": [_seal(number, seal) for number, seal in enumerate(summary.seals, 1)],
    }
    return compiler_of(TEMPLATE).pdf(data, as_of=summary.now).pdf


def _seal(number: int, seal: Seal) -> dict[str, Any]:
    rows = [
        ["印章", seal.seal_name or seal.name],
        ["印章编号", seal.seal_id],
        ["签名人", seal.signer],
        ["统一社会信用代码", seal.credit_code],
        ["印章制作", seal.maker],
        ["盖章时间（自称）", shown(seal.stated_time) if seal.stated_time else ""],
        ["盖章时间（时间戳证明）", shown(seal.proven_time) if seal.proven_time else ""],
        ["覆盖范围", coverage(seal, "zh") if seal.digest else ""],
        ["所在页", "、".join(str(page) for page in sorted({place.page + 1 for place in seal.places}))],
        ["证书路径", " ← ".join(link.name for link in seal.path)],
        ["所覆盖内容 SM3", _grouped(seal.digest)],
    ]
    return {
        "title": f"第 {number} 枚印章：{VERDICTS['zh'][seal.verdict]}",
        "state": _TOKENS[seal.verdict],
        "rows": [row for row in rows if row[1]],
        "findings": plain(seal.findings, "zh"),
        "technical": technical(seal.findings, "zh"),
        "picture": list(base64.b64decode(seal.picture)),
    }


def _grouped(digest: str) -> str:
    """In pieces, so that it can be compared by eye and breaks into lines."""
    return " ".join(digest[start : start + 16] for start in range(0, len(digest), 16))
