"""What a report says, in Chinese and in English, for people who never heard of a hash.

Every finding has a sentence in both (a test holds it); one of a type that is not listed is said in English.
"""

import re
from typing import Final

from signing.report import Said, Seal, Summary
from signing.report_details import detail, reason

VERDICTS: Final = {
    "zh": ("有效", "无法确认", "无效"),
    "en": ("VALID", "UNPROVEN", "NOT VALID"),
}
SENTENCES: Final[dict[str, dict[str, str]]] = {
    "zh": {
        # 证书
        "NotYetValid": "证书或印章当时尚未生效（自 {valid_from} 起有效）。",
        "Expired": "证书当时已过期（有效期至 {valid_until}）。",
        "BadSignature": "签名不成立：它不是由「{signer}」作出的，或者内容被改动过。",
        "NoPath": "签发「{subject}」证书的机构（{issuer}）不在受信任之列。",
        "NotAnAuthority": "证书链上的「{subject}」无权签发证书。",
        "PathTooLong": "证书链比「{subject}」允许的更长。",
        "WrongUse": "证书「{subject}」不允许用于此用途。",
        "UnknownCritical": "证书「{subject}」带有本程序不认识的关键扩展（{extension}）。",
        "Revoked": "证书「{subject}」在盖章之前已被吊销（{at}，原因：{reason}）。",
        "RevokedLater": ("证书「{subject}」后来被吊销（{at}），而没有可信时间戳证明盖章在吊销之前。"),
        "RevocationUnknown": "无法得知证书「{subject}」当时是否已被吊销（{why}）。",
        # 印章
        "UntrustedMaker": "印章由「{maker}」制作，它不是受信任的印章制作机构。",
        "SealNotYetValid": "印章当时尚未启用（自 {valid_from} 起有效）。",
        "SealExpired": "印章当时已过期（有效期至 {valid_until}）。",
        "UnreadableCertificate": "签章里的证书无法读取（{problem}）。",
        "SignerNotInSeal": "签名人「{signer}」不是这枚印章的持有人。",
        "CannotCompare": "印章用本程序不认识的算法（{algorithm}）指明持有人，无法核对。",
        "ContentChanged": "文件在盖章之后被改动过：内容与盖章时不同。",
        "ContentNotCompared": "没有拿到盖章的内容，无法核对。",
        "UnknownCriticalData": "签章里有本程序不认识的关键数据（{oid}）。",
        "UnusualVersion": "签章结构的版本是 {version}（国家标准 GB/T 38540-2020 为 4）。",
        "SignedInTheFuture": "签章自称的时间（{stated}）还没有到。",
        # 时间戳
        "UnreadableStamp": "时间戳无法读取（{problem}）。",
        "StampNotUnderstood": "时间戳用了本程序不认识的算法，无法核对（{problem}）。",
        "StampOfOther": "时间戳是盖在别的内容上的，与这枚签章不符。",
        "StampSignerMissing": "时间戳没有附上签发机构的证书，无法核对。",
        "StatedAfterStamp": "签章自称的时间（{stated}）晚于时间戳（{stamped}）；以时间戳为准。",
        "TimeNotProven": "没有可信时间戳：时间是签章人自己的说法。",
        "TimesDiffer": "签章自称的时间（{stated}）与时间戳证明的时间（{proven}）不同；以时间戳为准。",
        # 文件
        "Unreadable": "文件无法完整读取，可能被截断或损坏（{problem}）。",
        "TooLarge": "文件太大（{size} 字节），最多检查 {limit} 字节。",
        "TooCostly": "检查已中止：这个文件要求的时间或内存远超一份正常文件（{limit}）。",
        "UnknownFormat": "这不是 PDF，也不是 OFD 文件。",
        "Encrypted": "文件加了密，看到的内容无法核对。",
        "NoSeals": "文件里没有电子印章：什么也没有得到证明。",
        "ActiveContent": "文件里有会自行运行或改变显示的内容（{kind}）：看到的可能与盖章时不同。",
        "CutOff": "文件不完整（被截断）：缺少结尾，请重新取得完整的文件。",
        "Appended": "文件末尾被附加了内容（{size} 字节），它们不属于原来的文件。",
        "StrangeFile": "文件的内部结构异常，不同软件可能显示不同内容（{problem}）。",
        # 印章在文件里
        "ForgedRange": "签章的覆盖范围是伪造的（{problem}）。",
        "SharedRange": "签章「{subject}」与「{other}」声称占用同一处，至少一枚是伪造的。",
        "UnreadableSeal": "签章处没有可读取的电子印章（{problem}）。",
        "OutdatedSeal": "这是旧格式（GM/T 0031-2014）的印章，现已不被接受，应换发。",
        "NotASeal": "这是另一种签名（{kind}），不是电子印章，这里不予检查。",
        "ChangedAfter": "盖章之后文件被改动过：{kind}（{where}）。",
        "SwappedAppearance": "页面上显示的图样不是这枚印章的图样（{where}）。",
        "AppearanceNotCompared": "无法核对页面上显示的图样是否为印章图样（{why}）。",
        "InvisibleSeal": "签章在页面上看不见；正当的印章应当可见。",
        "OtherCoverage": "签章声称覆盖的部分与它实际覆盖的不同。",
        "SealsTakenOut": "文件里曾有更多印章，其中 {count} 枚已不在（留下的不受影响）。",
        "OpinionsDiffer": "两套独立的密码软件对「{what}」的结论不一致，因此不予采信。",
    },
    "en": {
        "NotYetValid": "The certificate was not valid yet (valid from {valid_from}).",
        "Expired": "The certificate had expired (valid until {valid_until}).",
        "BadSignature": "The signature is not by “{signer}”, or what it is about was changed.",
        "NoPath": "The authority that issued “{subject}” ({issuer}) is none that is trusted here.",
        "NotAnAuthority": "“{subject}” in the chain may not issue certificates.",
        "PathTooLong": "The chain of certificates is longer than “{subject}” permits.",
        "WrongUse": "The certificate “{subject}” may not be used for this.",
        "UnknownCritical": "The certificate “{subject}” has a critical extension unknown here ({extension}).",
        "Revoked": "The certificate “{subject}” had been revoked before ({at}; {reason}).",
        "RevokedLater": (
            "The certificate “{subject}” was revoked later ({at}), and no trusted time stamp proves that the"
            " seal was made before."
        ),
        "RevocationUnknown": "Whether the certificate “{subject}” was revoked then is not known ({why}).",
        "UntrustedMaker": "The seal was made by “{maker}”, who is no trusted maker of seals.",
        "SealNotYetValid": "The seal was not valid yet (from {valid_from}).",
        "SealExpired": "The seal had expired (until {valid_until}).",
        "UnreadableCertificate": "The certificate in the seal's signature can't be read ({problem}).",
        "SignerNotInSeal": "The signer “{signer}” is not the holder of this seal.",
        "CannotCompare": "The seal names its holders by an algorithm unknown here ({algorithm}).",
        "ContentChanged": "The document was changed after it was sealed.",
        "ContentNotCompared": "What was sealed was not there to compare.",
        "UnknownCriticalData": "There is critical data in it that is unknown here ({oid}).",
        "UnusualVersion": "Its structure has version {version} (GB/T 38540-2020 has 4).",
        "SignedInTheFuture": "The time it states ({stated}) is still to come.",
        "UnreadableStamp": "The time stamp can't be read ({problem}).",
        "StampNotUnderstood": "The time stamp can't be checked here ({problem}).",
        "StampOfOther": "The time stamp is over something else.",
        "StampSignerMissing": "The time stamp does not bring its signer's certificate.",
        "StatedAfterStamp": "It states {stated}, later than its time stamp ({stamped}), which counts.",
        "TimeNotProven": "No trusted time stamp: the time is what the signer says.",
        "TimesDiffer": "It states {stated}; its time stamp proves {proven}, and that counts.",
        "Unreadable": "The file can't be read to its end; it may be cut off or damaged ({problem}).",
        "TooLarge": "The file is too large ({size} bytes; up to {limit} are checked).",
        "TooCostly": "The check was stopped: the file asks for far more than a document needs ({limit}).",
        "UnknownFormat": "This is neither a PDF nor an OFD.",
        "Encrypted": "The file is encrypted: what it shows can't be checked.",
        "NoSeals": "The file has no electronic seal: nothing about it is proven.",
        "ActiveContent": "Something in it runs or changes what is shown ({kind}): you may see another thing.",
        "CutOff": "The file is not complete (cut off): its end is missing. Get it again.",
        "Appended": "Something was appended to the end of the file ({size} bytes); it is no part of it.",
        "StrangeFile": "The file is built so that programs may show different things ({problem}).",
        "ForgedRange": "What the seal claims to cover is forged ({problem}).",
        "SharedRange": "“{subject}” and “{other}” claim the same place; at least one is forged.",
        "UnreadableSeal": "There is no readable seal in its place ({problem}).",
        "OutdatedSeal": "A seal of the old form (GM/T 0031-2014), no longer accepted: it is to be exchanged.",
        "NotASeal": "A signature of another kind ({kind}), not an electronic seal; it is not checked here.",
        "ChangedAfter": "The document was changed after this seal: {kind} ({where}).",
        "SwappedAppearance": "What is shown on the page is not this seal's picture ({where}).",
        "AppearanceNotCompared": "Whether the page shows this seal's picture can't be checked ({why}).",
        "InvisibleSeal": "The seal is not shown on any page; an honest one is.",
        "OtherCoverage": "It claims to cover another part than it does.",
        "SealsTakenOut": "It once had more seals; {count} are gone (those that are left are not affected).",
        "OpinionsDiffer": "Two independent programs disagree about {what}: neither is believed.",
    },
}
CHANGES: Final = {
    "zh": {
        "seal": "又盖了一枚印章",
        "pages": "增加、删除或调换了页",
        "page_content": "改动了页面内容",
        "annotation": "在页面上添加或改动了批注",
        "appearance": "改动了印章或栏目的显示",
        "form": "改动了填写的内容或栏目",
        "structure": "改动了文件的内部结构",
        "other": "添加了其他内容",
    },
    "en": {
        "seal": "another seal",
        "pages": "pages added, removed or exchanged",
        "page_content": "a page's content changed",
        "annotation": "something put over a page",
        "appearance": "the look of a seal or field changed",
        "form": "a field or its value changed",
        "structure": "the file's inner structure changed",
        "other": "something else added",
    },
}


def language(chosen: str) -> str:
    """zh or en."""
    return "en" if chosen.lower().startswith("en") else "zh"


def sentence(said: Said, lang: str) -> str:
    """One finding in one sentence."""
    pattern = SENTENCES[lang].get(said.kind)
    if pattern is None:
        return said.english
    return _EMPTY.sub("", pattern.format(**_facts(said, lang)))


def is_told_whole(said: Said, lang: str) -> bool:
    """Whether the sentence leaves out no detail for want of words."""
    facts = _facts(said, lang)
    return all(facts[name] or not said.facts[name] for name in facts)


def _facts(said: Said, lang: str) -> dict[str, str]:
    facts = {name: _short_time(text) for name, text in said.facts.items()}
    for name in _DETAILS & facts.keys():
        facts[name] = detail(said.facts[name], lang)
    if said.kind == "ChangedAfter":
        facts["kind"] = CHANGES[lang].get(said.facts["kind"], said.facts["kind"])
    if "reason" in facts:
        facts["reason"] = reason(said.facts["reason"], lang)
    return facts


_DETAILS: Final = frozenset({"problem", "why", "where", "kind", "what", "limit"})
_EMPTY: Final = re.compile("（）|「」")


def headline(summary: Summary, lang: str) -> str:
    """The verdict on the document, in a sentence."""
    if not summary.seals and summary.verdict == 1:
        return _HEADLINES[lang][3]
    return _HEADLINES[lang][summary.verdict].format(n=len(summary.seals))


_HEADLINES: Final = {
    "zh": (
        "文件有效：{n} 枚电子印章全部真实，盖章之后内容没有被改动。",
        "无法确认：没有发现错误，但有些必需的情况无从得知。",
        "文件无效：请不要依据它办事。",
        "没有电子印章：这份文件什么也证明不了。",
    ),
    "en": (
        "The document is valid: {n} seal(s), all genuine, and nothing was changed since.",
        "Unproven: nothing wrong was found, but something that is needed is not known.",
        "The document is not valid: do not rely on it.",
        "No electronic seal: this document proves nothing.",
    ),
}


def coverage(seal: Seal, lang: str) -> str:
    """What the seal covers, in a sentence."""
    chinese = lang == "zh"
    changed = any(found.kind in ("ContentChanged", "ForgedRange") for found in seal.findings)
    if changed:
        return "所覆盖的内容已与盖章时不同" if chinese else "What it covers is no longer what was sealed"
    if seal.covers_all:
        return "覆盖整份文件" if chinese else "Covers the whole document"
    later = sum(1 for change in seal.changes if change.kind == "seal")
    if all(change.allowed for change in seal.changes):
        if not later:
            return "覆盖整份文件" if chinese else "Covers the whole document"
        told = (
            "覆盖盖章时的整份文件；之后只加盖了 {n} 枚印章"
            if chinese
            else ("Covers the whole document as it was then; after it came {n} more seal(s) and nothing else")
        )
        return told.format(n=later)
    return "盖章之后文件被改动过" if chinese else "The document was changed after this seal"


def _short_time(text: str) -> str:
    """2026-06-01T12:00:00+00:00 in China's time, as people write it; other texts stay as they are."""
    from signing.report_times import china

    return china(text) or text
