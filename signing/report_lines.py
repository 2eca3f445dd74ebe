"""The findings of a seal or a file as lines: what a person needs first, the rest as technical details.

plain(seal.findings, "zh")        # the most telling first; many changes are one line
technical(seal.findings, "zh")    # each change by itself, and what there are no words for
"""

import re
from collections.abc import Iterable
from typing import Final

from signing.report import Said
from signing.report_details import detail
from signing.report_words import CHANGES, is_told_whole, sentence

_TELLING: Final[tuple[str, ...]] = ("pages", "page_content", "annotation", "appearance", "form")
"""What a reader of the document sees, the most telling first. The rest counts when there is none of these."""
_COUNTS: Final = re.compile(r"(\d+) → (\d+)")
_ENDINGS: Final = frozenset({"CutOff", "Appended"})
_SHOWN: Final = 3


def plain(findings: Iterable[Said], lang: str) -> list[str]:
    """A few sentences, the heaviest first."""
    found = sorted(findings, key=lambda each: -each.weight)
    ended = any(each.kind in _ENDINGS for each in found)
    lines = []
    for each in found:
        if each.kind == "ChangedAfter":
            lines.append(_changed([other for other in found if other.kind == "ChangedAfter"], lang))
        elif not (ended and each.kind in ("StrangeFile", "Unreadable")):
            lines.append(sentence(each, lang))
    return list(dict.fromkeys(lines))


def technical(findings: Iterable[Said], lang: str) -> list[str]:
    """What `plain` leaves out."""
    found = list(findings)
    told = set(plain(found, lang))
    lines = []
    for each in found:
        if (line := sentence(each, lang)) not in told:
            lines.append(line)
        if not is_told_whole(each, lang):
            lines.append(each.english)
    return list(dict.fromkeys(lines))


def _changed(found: list[Said], lang: str) -> str:
    """All changes after a seal in one sentence."""
    if len(found) == 1:
        return sentence(found[0], lang)
    kinds = {each.facts["kind"] for each in found}
    told = [kind for kind in _TELLING if kind in kinds] or sorted(kinds)
    parts = [_of_kind(kind, [each for each in found if each.facts["kind"] == kind], lang) for kind in told]
    if lang == "zh":
        return f"盖章之后文件被改动过：{'；'.join(parts)}。"
    return f"The document was changed after this seal: {'; '.join(parts)}."


def _of_kind(kind: str, found: list[Said], lang: str) -> str:
    places = list(dict.fromkeys(each.facts["where"] for each in found))
    if counts := next((match for each in places if (match := _COUNTS.fullmatch(each))), None):
        return _pages(int(counts[1]), int(counts[2]), lang)
    named = [words for each in places if (words := detail(each, lang))]
    word = CHANGES[lang].get(kind, kind)
    if not named:
        return word
    shown = ("、" if lang == "zh" else ", ").join(named[:_SHOWN])
    if lang == "zh":
        return f"{word}（{shown}{f' 等 {len(named)} 处' if len(named) > _SHOWN else ''}）"
    return f"{word} ({shown}{f' and {len(named) - _SHOWN} more' if len(named) > _SHOWN else ''})"


def _pages(before: int, now: int, lang: str) -> str:
    if before == now:
        return CHANGES[lang]["pages"]
    more, by = now > before, abs(now - before)
    if lang == "zh":
        return f"{'增加' if more else '删除'}了 {by} 页（原 {before} 页，现 {now} 页）"
    return f"{by} page(s) {'added' if more else 'removed'} ({before} before, {now} now)"
