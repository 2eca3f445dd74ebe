"""What a check of an archive says, in Chinese and in English: the shell and the page say the same."""

from collections.abc import Mapping
from typing import Final

from signing.findings import Verdict
from signing.report import harmless
from trading.awards.archive_check import Fault, Found

VERDICTS: Final[Mapping[str, Mapping[Verdict, str]]] = {
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
        Fault.DAMAGED: "压缩文件已损坏，打不开。可能没有下载完整，请重新下载以后再核验",
        Fault.MANIFEST: "清单读不出来：{why}",
        Fault.NO_SEAL: "没有平台的印章（manifest.seal）",
        Fault.SEAL_UNREADABLE: "平台的印章读不出来：{why}",
        Fault.OTHER_SEALED: "平台的印章盖的不是清单",
        Fault.CHANGED: "文件被改动：{path}",
        Fault.UNLISTED: "清单里没有的文件：{path}",
        Fault.TWICE: "同名文件出现两次：{path}",
        Fault.LEDGER: "账本重放不出结果：{why}",
        Fault.LEDGER_KEY: "账本的密钥不是清单写明的那一把",
        Fault.TOO_COSTLY: "检查已中止：这个文件要求的时间或内存远超一份正常档案（{limit}）",
    },
    "en": {
        Fault.NOT_AN_ARCHIVE: "not an archive of a lot: {why}",
        Fault.DAMAGED: "the ZIP file is damaged and can't be opened; download it again and check it then",
        Fault.MANIFEST: "the manifest cannot be read: {why}",
        Fault.NO_SEAL: "the platform's seal (manifest.seal) is missing",
        Fault.SEAL_UNREADABLE: "the platform's seal cannot be read: {why}",
        Fault.OTHER_SEALED: "the platform's seal is over something else",
        Fault.CHANGED: "changed: {path}",
        Fault.UNLISTED: "not in the manifest: {path}",
        Fault.TWICE: "there twice: {path}",
        Fault.LEDGER: "the ledger does not replay: {why}",
        Fault.LEDGER_KEY: "the ledger was sealed with another key than the manifest names",
        Fault.TOO_COSTLY: "stopped: it asked for far more time or memory than an archive ({limit})",
    },
}
LABELS: Final[Mapping[str, Mapping[str, str]]] = {
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
FOLDERS: Final[Mapping[str, Mapping[str, str]]] = {
    "zh": {
        "listing": "挂牌和公告",
        "registrations": "报名材料",
        "ledger": "竞价账本",
        "award": "审查和成交",
        "documents": "成交确认书、合同等盖章文件",
        "contract": "合同起草记录",
        "money": "价款和发票",
        "handover": "移交记录",
        "audit": "操作记录",
    },
    "en": {
        "listing": "Listing and announcements",
        "registrations": "Registrations",
        "ledger": "Ledger of the auction",
        "award": "Review and award",
        "documents": "Sealed documents",
        "contract": "Drafts of the contract",
        "money": "Price and invoices",
        "handover": "Handover",
        "audit": "Audit trail",
    },
}
"""What lies in a folder of the archive; one that is not listed is shown by its name."""


def worded(found: Found, lang: str) -> str:
    """One thing that is wrong."""
    facts = {name: harmless(value) for name, value in found.facts.items()}
    return _FAULTS[lang][found.fault].format(path=harmless(found.path), **facts)
