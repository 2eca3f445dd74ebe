"""The sentences of `luochui verify`, Chinese and English. Every finding has one in both (a test holds it)."""

from typing import Final, Protocol


class Sentence(Protocol):
    """Says one message with its facts."""

    def __call__(self, message: str, **facts: object) -> str: ...


SENTENCES: Final = {
    "status.valid": "有效：记录完整，规则相符，由受信任的平台密钥签章。",
    "status.broken": "无效：文件被改动、不完整，或记录不符合竞价规则。",
    "status.unknown_issuer": "自身一致，但签章的密钥不在受信任之列：不能证明由平台出具。",
    "issuer.trusted": "签章密钥：{key}（受信任）",
    "issuer.unknown": "文件自称的签章密钥：{key}（未验明）",
    "lot": "标的：{lot}",
    "entries": "公开记录 {entries} 条，其中有效出价 {bids} 次",
    "highest": "最高报价：竞买号 {paddle}，{price}",
    "result.sold": "结果：成交，竞得人竞买号 {paddle}，成交价 {price}",
    "result.unsold": "结果：流拍",
    "result.aborted": "结果：终结",
    "reserve.none": "无",
    "opened": "承诺已打开并相符：竞买人 {qualified} 名，保留价 {reserve}",
    "not_opened": "本标的未打开承诺（终结的标的没有结果），竞买资格无从核对",
    "recovered": "注意：记录期间系统重建过 {times} 次，重建前最后的确认可能有遗失",
    "head": "链头（SM3）：{head}",
    "damage.empty": "文件是空的。",
    "damage.too_large": "第 {line} 行：超过限度（{bytes} 字节，{entries} 条记录）。",
    "damage.header": "第 1 行：不是落槌账本的文件头。",
    "damage.key": "第 1 行：文件头里的公钥无法识别，或与其编号不符。",
    "damage.truncated": "文件被截断：第 {last} 条记录之后没有相符的签章（第 {line} 行）。",
    "damage.line": "第 {seq} 条记录（第 {line} 行）：不是账本记录的写法。",
    "damage.previous_hash": "第 {seq} 条记录（第 {line} 行）：与前一条接不上，前后有改动、缺失或调换。",
    "damage.hash": "第 {seq} 条记录（第 {line} 行）：内容与其散列值不符，被改动过。",
    "damage.after_the_seal": "第 {line} 行：签章之后还有内容。",
    "damage.seal": "第 {line} 行：签章不是应有的写法。",
    "damage.sealed_otherwise": "第 {line} 行：签章所说的与记录不符。",
    "damage.other_lot": "第 {line} 行：文件与签章说的是另一标的；记录属于 {found}。",
    "damage.signature": "第 {line} 行：签章验证不通过。",
    "fault.not_an_entry": "第 {seq} 条记录（第 {line} 行）：不是账本记录的写法。",
    "fault.other_lot": "第 {seq} 条记录：属于另一标的 {found}。",
    "fault.number": "第 {seq} 条记录：序号是 {found}，应为 {expected}，有记录缺失或重复。",
    "fault.not_the_first": "第 {seq} 条记录：开头不是标的的登记。",
    "fault.bid_refused": (
        "第 {seq} 条记录：竞买号 {paddle} 的出价按规则应被拒绝"
        "（{reason}；{price} 分，允许 {lowest} 至 {highest} 分）。"
    ),
    "fault.unqualified": "第 {seq} 条记录：竞买号 {paddle} 不在竞买人名单内。",
    "fault.unconfirmed": "第 {seq} 条记录：竞买号 {paddle} 在询问期没有确认。",
    "fault.time": "第 {seq} 条记录：时间 {found} 早于前一条的 {before}。",
    "fault.outage": (
        "第 {seq} 条记录：这次中断不可能（{since} 至 {until}，记录于 {at}，应在 {due} 之前开始）。"
    ),
    "fault.impossible": "第 {seq} 条记录：按规则此时不会有“{kind}”（{phase}），可能缺失了记录。",
    "fault.field": "第 {seq} 条记录：{field} 是 {found}，按规则应为 {expected}。",
    "fault.opening": "第 {seq} 条记录：结果里打开的内容无法识别（{says}）。",
    "fault.commitment": "第 {seq} 条记录：打开的内容与开场时的承诺不符：{secrets}。",
    "fault.reserve": (
        "第 {seq} 条记录：结果与保留价不符（最高 {price} 分，保留价 {reserve} 分，成交：{sold}）。"
    ),
}
ENGLISH: Final = {
    "status.valid": "VALID: complete, in keeping with the rules, sealed by a platform key that you trust.",
    "status.broken": "BROKEN: changed, incomplete, or not what the rules of the auction allow.",
    "status.unknown_issuer": (
        "CONSISTENT, BUT BY AN UNKNOWN ISSUER: the key is none that you trust,"
        " so this proves nothing about the platform."
    ),
    "issuer.trusted": "Sealed by key {key} (trusted)",
    "issuer.unknown": "Key that the file names: {key} (not established)",
    "lot": "Lot: {lot}",
    "entries": "{entries} public entries, {bids} accepted bids",
    "highest": "Highest bid: paddle {paddle}, {price}",
    "result.sold": "Result: sold to paddle {paddle} for {price}",
    "result.unsold": "Result: unsold",
    "result.aborted": "Result: aborted",
    "reserve.none": "none",
    "opened": "The commitments are opened and fit: {qualified} qualified bidders, reserve {reserve}",
    "not_opened": (
        "The commitments are not opened (an aborted lot has no result): who could bid can't be checked"
    ),
    "recovered": "Note: the book was rebuilt {times} time(s); what was acknowledged just before may be lost",
    "head": "Head of the chain (SM3): {head}",
    "damage.empty": "The file is empty.",
    "damage.too_large": "Line {line}: over the limit ({bytes} bytes, {entries} entries).",
    "damage.header": "Line 1: not the header of a Luochui ledger.",
    "damage.key": "Line 1: the public key in the header can't be read, or is not the one it is named as.",
    "damage.truncated": "The file is truncated: no fitting seal after entry {last} (line {line}).",
    "damage.line": "Entry {seq} (line {line}): not written as an entry is.",
    "damage.previous_hash": (
        "Entry {seq} (line {line}): does not follow the one before; something was changed, removed or moved."
    ),
    "damage.hash": "Entry {seq} (line {line}): its content does not fit its hash; it was changed.",
    "damage.after_the_seal": "Line {line}: something follows the seal.",
    "damage.seal": "Line {line}: the seal is not written as a seal is.",
    "damage.sealed_otherwise": "Line {line}: the seal says something else than the entries.",
    "damage.other_lot": "Line {line}: file and seal name another lot; the entries are those of {found}.",
    "damage.signature": "Line {line}: the seal's signature does not hold.",
    "fault.not_an_entry": "Entry {seq} (line {line}): not written as an entry is.",
    "fault.other_lot": "Entry {seq}: belongs to another lot, {found}.",
    "fault.number": "Entry {seq}: is numbered {found} instead of {expected}; entries are missing or doubled.",
    "fault.not_the_first": "Entry {seq}: a ledger begins with the lot being scheduled.",
    "fault.bid_refused": (
        "Entry {seq}: the rules refuse this bid of paddle {paddle}"
        " ({reason}; {price} fen, allowed {lowest} to {highest})."
    ),
    "fault.unqualified": "Entry {seq}: paddle {paddle} is not on the list of the qualified.",
    "fault.unconfirmed": "Entry {seq}: paddle {paddle} did not confirm during the inquiry.",
    "fault.time": "Entry {seq}: its time {found} is before the previous entry's, {before}.",
    "fault.outage": (
        "Entry {seq}: there can't have been this outage"
        " (from {since} to {until}, written at {at}; it had to begin before {due})."
    ),
    "fault.impossible": "Entry {seq}: no “{kind}” can happen here ({phase}); entries may be missing.",
    "fault.field": "Entry {seq}: {field} is {found}; by the rules it would be {expected}.",
    "fault.opening": "Entry {seq}: what the result opens can't be read ({says}).",
    "fault.commitment": "Entry {seq}: what the result opens does not fit what was committed to: {secrets}.",
    "fault.reserve": (
        "Entry {seq}: the result does not fit the reserve"
        " (highest {price} fen, reserve {reserve} fen, sold: {sold})."
    ),
}
