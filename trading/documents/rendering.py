"""The documents of a sale as PDF: for keeping (PDF/A-2a), and for reading aloud (PDF/UA-1).

Typeset from templates.

    pdf = render(SaleConfirmation(…), as_of=moment)

The same document and time give the same bytes. The places for the seals are empty signature fields under the
names "transferee", "transferor" and "platform".
"""

import io
from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import pypdfium2
import pypdfium2.raw as pdfium

from office.money import capital_amount, yuan
from office.pdfium import PDFIUM
from signing.documents import At, DocumentError, Straddle
from signing.pdf.places import PlaceToMake, with_places
from signing.typesetting import Typeset, compiler_of
from trading.documents.forms import (
    SALE_CLAUSES,
    AwardStatement,
    Certificate,
    Contract,
    PartyDetails,
    SaleConfirmation,
    SignaturePage,
)

TEMPLATES: Final = Path(__file__).parent / "templates"
BEIJING: Final = timezone(timedelta(hours=8))
STRADDLES: Final = {"transferor": 99.0, "transferee": 160.0, "platform": 221.0}
"""Middles of the straddle seals, mm from the top: one below the other at the right edge."""


Document = SaleConfirmation | Contract | AwardStatement | Certificate


def render(document: Document, *, as_of: datetime) -> bytes:
    """The PDF with its empty places. `as_of` is the day that it gives for its making."""
    match document:
        case SaleConfirmation():
            return _render("sale_confirmation", _confirmation(document), as_of, straddling=False)
        case Contract():
            return _render("contract", _contract(document), as_of, straddling=True)
        case AwardStatement():
            return _render("award", _award(document), as_of, straddling=False)
        case Certificate():
            return _render("certificate", _certificate(document), as_of, straddling=False)


def behind(text: bytes, page: SignaturePage, *, as_of: datetime) -> bytes:
    """An uploaded contract with its signature page behind it, and the places for the seals over all pages.

    Only what the pages show is taken over: forms become part of the page, and nothing else comes along.
    Raises DocumentError when the file can't be used.
    """
    typeset = _typeset("signature_page", _signature_page(page), as_of)
    whole, before = _joined(text, typeset.pdf)
    return with_places(
        whole, _places(typeset, _signature_page(page)["seals"], straddling=True, before=before)
    )


def _render(template: str, data: dict[str, Any], as_of: datetime, *, straddling: bool) -> bytes:
    typeset = _typeset(template, data, as_of)
    return with_places(typeset.pdf, _places(typeset, data["seals"], straddling=straddling))


def _typeset(template: str, data: dict[str, Any], as_of: datetime) -> Typeset:
    made = {**data, "made": f"{as_of.astimezone(BEIJING):%Y年%m月%d日}"}
    return compiler_of(TEMPLATES / f"{template}.typ").pdf(made, as_of=as_of)


def _places(
    typeset: Typeset, seals: Sequence[dict[str, str]], *, straddling: bool, before: int = 0
) -> list[PlaceToMake]:
    """Where the template told that seals go; `before`: pages that were put in front."""
    pages = before + int(next(told["pages"] for told in typeset.told if told["kind"] == "pages"))
    holders = {each["name"]: f"{each['role']}盖章处：{each['holder']}" for each in seals}
    return [
        PlaceToMake(
            told["name"],
            At(before + told["page"] - 1, told["x"], told["y"]),
            label=holders[told["name"]],
            straddle=Straddle(STRADDLES[told["name"]]) if straddling and pages > 1 else None,
        )
        for told in typeset.told
        if told["kind"] == "place"
    ]


def _joined(text: bytes, page: bytes) -> tuple[bytes, int]:
    """Both in one file, and how many pages the first has."""
    with PDFIUM, ExitStack() as opened:
        try:
            whole = opened.enter_context(closing(pypdfium2.PdfDocument.new()))
            front = opened.enter_context(closing(pypdfium2.PdfDocument(text)))
            back = opened.enter_context(closing(pypdfium2.PdfDocument(page)))
            for number in range(len(front)):
                with closing(front[number]) as one:
                    pdfium.FPDFPage_Flatten(one, pdfium.FLAT_NORMALDISPLAY)
            return _saved(whole, front, back), len(front)
        except pypdfium2.PdfiumError as error:
            raise DocumentError(f"an uploaded contract: {error}") from error


def _saved(whole: pypdfium2.PdfDocument, *parts: pypdfium2.PdfDocument) -> bytes:
    for part in parts:
        whole.import_pages(part)
    out = io.BytesIO()
    whole.save(out)
    return out.getvalue()


def _confirmation(document: SaleConfirmation) -> dict[str, Any]:
    clauses = document.clauses or SALE_CLAUSES
    return {
        "number": document.number,
        "author": document.platform,
        "head": document.platform,
        "notice": document.notice,
        "platform": document.platform,
        "sale_method": document.sale_method,
        "title": document.title,
        "lot": document.lot,
        "asset_class": document.asset_class,
        "transferor": document.transferor,
        "transferee": document.transferee,
        "paddle": document.paddle,
        "price": yuan(document.price),
        "capital": capital_amount(document.price),
        "ended_at": _moment(document.ended_at),
        "entries": f"共 {document.entries} 条" if document.entries else "",
        "ledger_root": document.ledger_root,
        "award": document.award,
        "clauses": list(clauses),
        "seals": [
            _seal("transferee", "受让方", document.transferee),
            _seal("transferor", "转让方", document.transferor),
            _seal("platform", "交易平台", document.platform),
        ],
    }


def _award(document: AwardStatement) -> dict[str, Any]:
    return {
        **_head(document.number, document.platform, document.notice),
        "title": document.title,
        "lot": document.lot,
        "asset_class": document.asset_class,
        "transferor": document.transferor,
        "transferee": document.transferee,
        "paddle": document.paddle,
        "price": yuan(document.price),
        "capital": capital_amount(document.price),
        "why": document.why,
        "decided_at": _moment(document.decided_at),
        "entries": f"共 {document.entries} 条" if document.entries else "",
        "ledger_root": document.ledger_root,
        "seals": [_seal("platform", "交易平台", document.platform)],
    }


def _certificate(document: Certificate) -> dict[str, Any]:
    return {
        **_head(document.number, document.platform, document.notice),
        "title": document.title,
        "lot": document.lot,
        "asset_class": document.asset_class,
        "sale_method": document.sale_method,
        "transferor": document.transferor,
        "transferee": document.transferee,
        "price": yuan(document.price),
        "capital": capital_amount(document.price),
        "confirmation": document.confirmation,
        "contract": document.contract,
        "sold_at": _moment(document.sold_at),
        "paid_at": _moment(document.paid_at),
        "announced_at": _moment(document.announced_at),
        "seals": [_seal("platform", "交易平台", document.platform)],
    }


def _signature_page(document: SignaturePage) -> dict[str, Any]:
    return {
        **_head(document.number, document.transferor, document.notice),
        "subject": document.subject,
        "lot": document.lot,
        "price": yuan(document.price),
        "capital": capital_amount(document.price),
        "pages": document.pages,
        "digest": document.digest,
        "seals": [
            _seal("transferor", "甲方", document.transferor),
            _seal("transferee", "乙方", document.transferee),
        ],
    }


def _head(number: str, author: str, notice: str) -> dict[str, Any]:
    return {"number": number, "author": author, "head": author, "platform": author, "notice": notice}


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(BEIJING):%Y年%m月%d日 %H:%M:%S}（北京时间）"


def _contract(document: Contract) -> dict[str, Any]:
    seals = [
        _seal("transferor", "甲方", document.transferor.name),
        _seal("transferee", "乙方", document.transferee.name),
    ]
    if document.platform:
        seals.append(_seal("platform", "鉴证方", document.platform))
    return {
        "number": document.number,
        "author": document.transferor.name,
        "head": document.platform or document.transferor.name,
        "notice": document.notice,
        "transferor": _party(document.transferor),
        "transferee": _party(document.transferee),
        "subject": document.subject,
        "lot": document.lot,
        "asset_class": document.asset_class,
        "confirmation": document.confirmation,
        "description": document.description.splitlines(),
        "price": yuan(document.price),
        "capital": capital_amount(document.price),
        "deposit": yuan(document.deposit) if document.deposit else "",
        "clauses": [{"heading": each.heading, "text": each.text.splitlines()} for each in document.clauses],
        "seals": seals,
    }


def _party(party: PartyDetails) -> dict[str, Any]:
    rows = [
        ("统一社会信用代码", party.code),
        ("住所", party.address),
        ("法定代表人", party.representative),
        ("联系人", party.contact),
        ("联系电话", party.telephone),
    ]
    return {"name": party.name, "rows": [[label, text] for label, text in rows if text]}


def _seal(name: str, role: str, holder: str) -> dict[str, str]:
    return {"name": name, "role": role, "holder": holder}
