"""What a registrant fills in, and what must be right about it. Pure: frozen values, checks at each field.

It is kept as one box, so nothing of it is ever a column.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from office.identifiers import Wrong, credit_code, id_number, phone_number, plain

LONGEST_LINE: Final = 100
LONGEST_ADDRESS: Final = 200
MOST_ATTACHMENTS: Final = 8
LARGEST_ATTACHMENT: Final = 8 << 20


class Step(StrEnum):
    """The pages of the wizard, in their order."""

    RULES = "rules"
    JOINT = "joint"
    FORM = "form"
    PLEDGE = "pledge"
    ATTACHMENTS = "attachments"
    BANK = "bank"
    SEAL = "seal"
    RECEIPT = "receipt"


FILLED: Final = (Step.RULES, Step.JOINT, Step.FORM, Step.PLEDGE, Step.ATTACHMENTS, Step.BANK)
"""Steps that are filled in; then come the seal and the receipt."""


class ApplicantKind(StrEnum):
    PERSON = "person"
    ORGANIZATION = "organization"


class AttachmentKind(StrEnum):
    IDENTITY = "identity"
    """身份证 or 营业执照."""
    QUALIFICATION = "qualification"
    """What the seller's conditions ask for."""
    AUTHORITY = "authority"
    """授权委托书, for an operator."""
    JOINT = "joint"
    """联合购买协议."""
    OTHER = "other"


class Fault(StrEnum):
    """What is wrong in a field: what a page puts into words."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    UNSEEN = "unseen"
    NOT_A_CHOICE = "not_a_choice"
    ID_LENGTH = "id_length"
    ID_CHECK = "id_check"
    CREDIT_LENGTH = "credit_length"
    CREDIT_CHECK = "credit_check"
    PHONE = "phone"
    ACCOUNT = "account"
    NOT_READ = "not_read"
    SHARE = "share"
    WHOLE = "whole"
    NO_PARTNER = "no_partner"
    NO_BANK = "no_bank"
    NO_IDENTITY = "no_identity"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that lies in a box of its own."""

    id: str
    kind: AttachmentKind
    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Everything that was filled in so far. What is empty was not reached yet."""

    name: str = ""
    """The account's own: who registers is who the certificate says."""
    rules_read_at: datetime | None = None
    joint: bool | None = None
    kind: ApplicantKind = ApplicantKind.PERSON
    code: str = ""
    """ID number or unified social credit code, by kind."""
    representative: str = ""
    contact: str = ""
    phone: str = ""
    address: str = ""
    refund_bank: str = ""
    refund_account: str = ""
    pledged_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    attached: bool = False
    """The page of attachments was left with "go on"."""
    bank: str = ""
    submitted_at: datetime | None = None

    def next_step(self) -> Step:
        """The first step that is not done."""
        done = {
            Step.RULES: self.rules_read_at is not None,
            Step.JOINT: self.joint is not None,
            Step.FORM: bool(self.code and self.phone),
            Step.PLEDGE: self.pledged_at is not None,
            Step.ATTACHMENTS: self.attached,
            Step.BANK: bool(self.bank),
        }
        return next((step for step in FILLED if not done[step]), Step.SEAL)

    def may_open(self, step: Step) -> bool:
        """Steps are filled in in their order; earlier ones may be changed."""
        order = list(Step)
        return order.index(step) <= order.index(self.next_step())

    def with_attachment(self, attachment: Attachment) -> "Application":
        if len(self.attachments) >= MOST_ATTACHMENTS:
            raise ValueError(f"at most {MOST_ATTACHMENTS} attachments")
        return replace(self, attachments=(*self.attachments, attachment))

    def without_attachment(self, which: str) -> "Application":
        return replace(self, attachments=tuple(one for one in self.attachments if one.id != which))

    def as_bytes(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False, default=_moment).encode()


def read_application(data: bytes) -> Application:
    given: dict[str, Any] = json.loads(data)
    for name in ("rules_read_at", "pledged_at", "submitted_at"):
        given[name] = datetime.fromisoformat(given[name]) if given.get(name) else None
    given["kind"] = ApplicantKind(given["kind"])
    given["attachments"] = tuple(
        Attachment(**{**one, "kind": AttachmentKind(one["kind"])}) for one in given["attachments"]
    )
    return Application(**{field.name: given[field.name] for field in fields(Application)})


def _moment(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()


class FieldFaults(Exception):
    """{field: what is wrong}; nothing was kept."""

    def __init__(self, faults: Mapping[str, Fault]) -> None:
        super().__init__(f"faults in {', '.join(faults)}")
        self.faults = dict(faults)


_LINES: Final = {
    "contact": LONGEST_LINE,
    "address": LONGEST_ADDRESS,
    "refund_bank": LONGEST_LINE,
}


def with_form(before: Application, typed: Mapping[str, str]) -> Application:
    """The application form as it was typed, tidied. Raises FieldFaults with every field that is wrong."""
    faults: dict[str, Fault] = {}
    values: dict[str, str] = {}
    try:
        kind = ApplicantKind(typed.get("kind", ""))
    except ValueError:
        raise FieldFaults({"kind": Fault.NOT_A_CHOICE}) from None
    lines = _LINES | ({"representative": LONGEST_LINE} if kind is ApplicantKind.ORGANIZATION else {})
    for name, longest in lines.items():
        values[name] = " ".join(typed.get(name, "").split())
        if (fault := _line_fault(values[name], longest)) is not None:
            faults[name] = fault
    for name, read in (
        ("code", _number(id_number if kind is ApplicantKind.PERSON else credit_code)),
        ("phone", _number(phone_number)),
        ("refund_account", _account_number),
    ):
        found = read(typed.get(name, ""))
        if isinstance(found, Fault):
            faults[name] = found
        else:
            values[name] = found
    if faults:
        raise FieldFaults(faults)
    values.setdefault("representative", "")
    return replace(before, kind=kind, **values)  # type: ignore[arg-type]


def _line_fault(text: str, longest: int) -> Fault | None:
    if not text:
        return Fault.EMPTY
    if len(text) > longest:
        return Fault.TOO_LONG
    return None if text.isprintable() else Fault.UNSEEN


def _number(read: Callable[[str], str | Wrong]) -> Callable[[str], str | Fault]:
    """As a field of the form: nothing typed is a fault of its own."""

    def checked(text: str) -> str | Fault:
        if not text.strip():
            return Fault.EMPTY
        found = read(text)
        return Fault(found.value) if isinstance(found, Wrong) else found

    return checked


def read_code(text: str) -> str | None:
    """An ID number or a credit code, tidied; None for neither."""
    found = (id_number(text), credit_code(text))
    return next((each for each in found if not isinstance(each, Wrong)), None)


def _account_number(text: str) -> str | Fault:
    """A bank account: 8 to 32 digits."""
    number = plain(text)
    if not number:
        return Fault.EMPTY
    return number if number.isascii() and number.isdigit() and 8 <= len(number) <= 32 else Fault.ACCOUNT


def shown_code(code: str) -> str:
    """Enough of it to recognize the own: 4331**********1234."""
    return f"{code[:4]}{'*' * max(0, len(code) - 8)}{code[-4:]}" if len(code) > 8 else code
