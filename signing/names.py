"""Distinguished names of subjects and issuers."""

from dataclasses import dataclass, field
from typing import Any, Self

from asn1crypto import x509

_SHORT = {
    "country_name": "C",
    "state_or_province_name": "ST",
    "locality_name": "L",
    "organization_name": "O",
    "organizational_unit_name": "OU",
    "common_name": "CN",
    "serial_number": "serialNumber",
}
MAX_PARTS = 32


@dataclass(frozen=True, slots=True)
class Name:
    """A distinguished name. Equal when the DER is: whoever issues copies a name byte by byte.

    That is stricter than RFC 5280, which would also match other spellings; a name that only looks the same
    is another one here.
    """

    der: bytes = field(repr=False)
    parts: tuple[tuple[str, str], ...] = field(compare=False)
    """(type, text) in their order, for example ("CN", "甲方示例单位")."""

    @classmethod
    def of(cls, common_name: str, organization: str = "", unit: str = "", country: str = "CN") -> Self:
        """A name of ours. Empty parts are left out. Raises ValueError without a common name."""
        if not common_name:
            raise ValueError("a name needs a common name")
        wanted = {
            "country_name": country,
            "organization_name": organization,
            "organizational_unit_name": unit,
            "common_name": common_name,
        }
        return cls.read(x509.Name.build({kind: text for kind, text in wanted.items() if text}))

    @classmethod
    def read(cls, name: Any) -> Self:
        """From asn1crypto's value. Raises ValueError."""
        parts = []
        for relative in name.chosen:
            for pair in relative:
                kind = pair["type"].native
                parts.append((_SHORT.get(kind, kind), _text(pair["value"])))
        if len(parts) > MAX_PARTS:
            raise ValueError(f"a name of more than {MAX_PARTS} parts")
        return cls(der=name.dump(), parts=tuple(parts))

    def part(self, kind: str) -> str:
        """The last part of this type, or an empty text."""
        return next((text for found, text in reversed(self.parts) if found == kind), "")

    @property
    def common_name(self) -> str:
        """What people call the subject."""
        return self.part("CN")

    @property
    def organization(self) -> str:
        """The unit that the subject is or belongs to."""
        return self.part("O")

    @property
    def is_empty(self) -> bool:
        """Whether it names nobody."""
        return not self.parts

    def value(self) -> Any:
        """asn1crypto's value again."""
        return x509.Name.load(self.der)

    def __str__(self) -> str:
        return ", ".join(f"{kind}={text}" for kind, text in self.parts)


def _text(value: Any) -> str:
    native = value.native
    if not isinstance(native, str):
        raise ValueError("a part of a name that is not a text")
    return native
