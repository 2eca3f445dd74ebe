"""What goes into the documents of a sale. Frozen values, checked and tidied when they are made.

Texts are data: whatever a person typed into a title stands in the document as it was typed, on one line,
without characters that cannot be seen.
"""

import unicodedata
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from office.money import LARGEST

MAX_LINE: Final = 400
MAX_TEXT: Final = 20_000
MAX_CLAUSES: Final = 200
DIGEST_HEX: Final = 64

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode's control, format and unassigned characters: among them those that turn the order round."""


class FormError(ValueError):
    """A document that is not made. Says which field."""


def line(text: str, limit: int = MAX_LINE) -> str:
    """The text on one line, without unseen characters. Raises FormError when it is longer than `limit`."""
    if len(text) > limit:
        raise FormError(f"a text of {len(text)} characters; {limit} fit")
    seen = "".join(" " if each.isspace() else each for each in unicodedata.normalize("NFC", text))
    return " ".join("".join(each for each in seen if unicodedata.category(each) not in _UNSEEN).split())


def paragraphs(text: str, limit: int = MAX_TEXT) -> tuple[str, ...]:
    """The lines of a text that are not empty. Raises FormError when it is longer than `limit`."""
    if len(text) > limit:
        raise FormError(f"a text of {len(text)} characters; {limit} fit")
    return tuple(tidied for each in text.splitlines() if (tidied := line(each, limit)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleConfirmation:
    """成交确认书: what an auction ended with. Price in fen, times with a zone, `ledger_root` SM3 in hex."""

    number: str
    lot: str
    title: str
    asset_class: str
    """As it is shown: 实物资产."""
    sale_method: str = "网络竞价"
    transferor: str
    transferee: str
    paddle: str
    price: int
    ended_at: datetime
    entries: int
    """Of the ledger, from the first to the close; 0 where there was no auction."""
    ledger_root: str
    award: str = ""
    """The number of the award that it stands on."""
    platform: str
    clauses: tuple[str, ...] = ()
    """What the parties agree on; none takes SALE_CLAUSES."""
    notice: str = ""
    """Above everything: that it is a demonstration."""

    def __post_init__(self) -> None:
        _tidy(self)
        _check_amount("price", self.price)
        _check_moment("ended_at", self.ended_at)
        _require(self, "number", "lot", "title", "transferor", "transferee", "platform")
        if self.ledger_root and not _is_digest(self.ledger_root):
            raise FormError("ledger_root: not 64 hexadecimal digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardStatement:
    """竞得人确定书: who gets the lot at which price, and why. The auction's result is another thing."""

    number: str
    lot: str
    title: str
    asset_class: str
    transferor: str
    transferee: str
    paddle: str = ""
    price: int
    why: str
    """On what it stands, in a sentence."""
    decided_at: datetime
    entries: int = 0
    ledger_root: str = ""
    """Of the ledger's sealed head; empty for a negotiated sale, which has no auction."""
    platform: str
    notice: str = ""

    def __post_init__(self) -> None:
        _tidy(self)
        _check_amount("price", self.price)
        _check_moment("decided_at", self.decided_at)
        _require(self, "number", "lot", "title", "transferor", "transferee", "why", "platform")
        if self.ledger_root and not _is_digest(self.ledger_root):
            raise FormError("ledger_root: not 64 hexadecimal digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """交易凭证: what was sold by whom to whom at which price, and that it was paid."""

    number: str
    lot: str
    title: str
    asset_class: str
    sale_method: str
    transferor: str
    transferee: str
    price: int
    confirmation: str
    contract: str
    """Numbers of the papers that it stands on."""
    sold_at: datetime
    paid_at: datetime
    announced_at: datetime
    platform: str
    notice: str = ""

    def __post_init__(self) -> None:
        _tidy(self)
        _check_amount("price", self.price)
        for name in ("sold_at", "paid_at", "announced_at"):
            _check_moment(name, getattr(self, name))
        _require(self, "number", "lot", "title", "transferor", "transferee", "contract", "platform")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignaturePage:
    """The page that is put behind an uploaded contract: what it belongs to, and the places for the seals."""

    number: str
    lot: str
    subject: str
    transferor: str
    transferee: str
    price: int
    pages: int
    digest: str
    """SM3 of the uploaded file, in hex."""
    notice: str = ""

    def __post_init__(self) -> None:
        _tidy(self)
        _check_amount("price", self.price)
        _require(self, "number", "lot", "subject", "transferor", "transferee")
        if not _is_digest(self.digest):
            raise FormError("digest: not 64 hexadecimal digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyDetails:
    """One party of a contract, as it introduces itself. What is empty is left open in the document."""

    name: str
    code: str = ""
    """Unified social credit code (统一社会信用代码)."""
    address: str = ""
    representative: str = ""
    """法定代表人（负责人）."""
    contact: str = ""
    telephone: str = ""

    def __post_init__(self) -> None:
        _tidy(self)
        _require(self, "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One article of a contract: a heading, and paragraphs separated by line ends."""

    heading: str
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "heading", line(self.heading))
        object.__setattr__(self, "text", "\n".join(paragraphs(self.text)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """交易合同 between transferor and transferee. Prices in fen."""

    number: str
    lot: str
    subject: str
    """What is sold: the title of the lot."""
    description: str = ""
    asset_class: str = ""
    confirmation: str = ""
    """The number of the sale confirmation that it follows."""
    transferor: PartyDetails
    transferee: PartyDetails
    price: int
    deposit: int = 0
    """Paid before the auction; it counts towards the price."""
    clauses: tuple[Clause, ...]
    platform: str = ""
    """Whose seal witnesses the contract; nobody's when it is empty."""
    signed_at: str = ""
    """The place (签订地点)."""
    notice: str = ""

    def __post_init__(self) -> None:
        _tidy(self, "description")
        object.__setattr__(self, "description", "\n".join(paragraphs(self.description)))
        _check_amount("price", self.price)
        _check_amount("deposit", self.deposit)
        _require(self, "number", "lot", "subject")
        if not self.clauses or len(self.clauses) > MAX_CLAUSES:
            raise FormError(f"clauses: {len(self.clauses)}; 1 to {MAX_CLAUSES} are set")
        if self.deposit > self.price:
            raise FormError("deposit: more than the price")


SALE_CLAUSES: Final = (
    "受让方已知悉并接受标的公告所载的全部内容，按标的现状受让。",
    "转让方、受让方应当按照标的公告约定的期限和方式签订交易合同、结清价款、办理交接和权属变更。",
    "受让方已交纳的保证金，按照标的公告的约定冲抵价款或者处理。",
    "竞价全过程记录于平台账本，任何人可以凭本确认书所载的账本摘要核验成交结果。",
    "本确认书以电子文件形式制作，自受让方、转让方和平台均加盖电子印章之日起生效。",
)


NEGOTIATED_CLAUSES: Final = (
    "受让方已知悉并接受标的公告所载的全部内容，按标的现状受让。",
    "公告期满只有一名竞买人报名，成交价由转让方按其会议决定确定，不低于起始价。",
    "转让方、受让方应当按照标的公告约定的期限和方式签订交易合同、结清价款、办理交接和权属变更。",
    "受让方已交纳的保证金，按照标的公告的约定冲抵价款或者处理。",
    "本确认书以电子文件形式制作，自受让方、转让方和平台均加盖电子印章之日起生效。",
)


def _tidy(form: Any, *kept: str) -> None:
    """Texts on one line each, and sequences of texts: once, while a frozen value is made."""
    for each in fields(form):
        value = getattr(form, each.name)
        if isinstance(value, str) and each.name not in kept:
            object.__setattr__(form, each.name, _named(each.name, value))
        elif isinstance(value, tuple) and all(isinstance(item, str) for item in value):
            if len(value) > MAX_CLAUSES:
                raise FormError(f"{each.name}: {len(value)}; at most {MAX_CLAUSES}")
            object.__setattr__(form, each.name, tuple(line(item, MAX_TEXT) for item in value))


def _named(name: str, value: str) -> str:
    try:
        return line(value)
    except FormError as error:
        raise FormError(f"{name}: {error}") from None


def _require(form: Any, *names: str) -> None:
    empty = [name for name in names if not getattr(form, name)]
    if empty:
        raise FormError(f"{', '.join(empty)}: empty")


def _check_amount(name: str, fen: int) -> None:
    if not 0 <= fen <= LARGEST:
        raise FormError(f"{name}: {fen} fen are not an amount of a document")


def _check_moment(name: str, moment: datetime) -> None:
    if moment.tzinfo is None:
        raise FormError(f"{name}: a time without a zone")


def _is_digest(text: str) -> bool:
    return len(text) == DIGEST_HEX and all(each in "0123456789abcdef" for each in text)
