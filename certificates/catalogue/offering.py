"""What a channel offers, and at what price. Pure; part of model.py."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from certificates.authority.port import SubjectKind
from certificates.catalogue.bounds import MOST_YEARS, EnglishName, Fen, Key, Text, Word, Years
from certificates.catalogue.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(Scope):
    """A service that exists here, for whom and how. What has no offer does not exist."""

    begins_online: bool = False
    """The form is filled in and uploaded online first, then the paper comes by the way of the case."""
    signed_with_held: bool = False
    """A valid certificate of the same name, of the same authority, signs the order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere(Scope):
    """Where to go with what is not offered here; the note says it in words."""

    channel: str = ""
    """The channel that does it, "" for none."""


class Medium(StrEnum):
    UKEY = "ukey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A kind of certificate that can be bought. `months`: its term where years can't be chosen."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    key: Key
    name: Word
    name_en: EnglishName = ""
    subject: SubjectKind
    names_organization: bool = False
    """A person's certificate that names the organization, too (issued in the form of L)."""
    months: Annotated[int, Field(ge=1, le=60)] | None = None
    """The term of the first issue; None: years are chosen."""
    authorities: tuple[Key, ...] = ()
    """Who has it; empty: all of the channel's authorities."""
    medium: Medium = Medium.UKEY
    ours: bool = False
    note: Text = ""


class PartKind(StrEnum):
    CERTIFICATE = "certificate"
    MEDIUM = "medium"
    SEAL = "seal"
    REPLACEMENT = "replacement"


class Per(StrEnum):
    ONCE = "once"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPrice:
    """What one part costs, once or for each year."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    kind: PartKind
    fen: Fen
    per: Per = Per.ONCE
    ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Scope):
    """What a case costs. No part: free of charge."""

    parts: tuple[PartPrice, ...] = ()
    most_years: Years | None = None
    """So many years can be chosen, from 1; None: nothing is chosen (a fixed term, or no new term)."""
    stated_years: Years = MOST_YEARS
    """For more years than this the sum is ours."""
