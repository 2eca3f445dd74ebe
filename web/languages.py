"""The languages of the pages. The source texts are Chinese; English comes from the .po files in the package,
compiled when the program starts, so that a wheel needs no build step for them."""

import gettext
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from babel.core import negotiate_locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

CHINESE: Final = "zh-CN"
ENGLISH: Final = "en"
LOCALES: Final = (CHINESE, ENGLISH)
_ACCEPTED: Final = {"zh": CHINESE, "en": ENGLISH}
_LONGEST_ACCEPT: Final = 200


def N_(text: str) -> str:
    """Marks a text for translation where it stands; it is translated where it is shown."""
    return text


def named(locale: str, one: object, field: str = "name") -> str:
    """How what is data, not text of a page, is called in a language: English where it has English words."""
    english_words = getattr(one, f"{field}_en", "") if locale == ENGLISH else ""
    return str(english_words or getattr(one, field))


@dataclass(frozen=True, slots=True)
class Catalogues:
    """The translations by locale; Chinese needs none."""

    by_locale: Mapping[str, gettext.NullTranslations]

    @classmethod
    @cache
    def load(cls) -> "Catalogues":
        """Once per process: reading and compiling them takes a good part of a second."""
        return cls({CHINESE: gettext.NullTranslations(), ENGLISH: _compiled(english())})

    def of(self, locale: str) -> gettext.NullTranslations:
        return self.by_locale[locale]


def english() -> Catalog:
    """All English texts: every .po file of the folder, together."""
    folder = files("web").joinpath("locales", "en", "LC_MESSAGES")
    whole = Catalog(locale="en")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".po"):
            part = read_po(io.BytesIO(file.read_bytes()), locale="en")
            for message in part:
                if message.id:
                    whole[message.id] = message
    return whole


def _compiled(catalog: Catalog) -> gettext.GNUTranslations:
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def choose(account: str, cookie: str, accept_language: str) -> str:
    """The locale of a visit: the account's, the browser's choice on this site, its preferences, Chinese."""
    for wanted in (account, cookie):
        if wanted in LOCALES:
            return wanted
    preferred = [
        part.split(";")[0].strip()[:2].lower() for part in accept_language[:_LONGEST_ACCEPT].split(",")
    ]
    return _ACCEPTED[negotiate_locale(preferred, list(_ACCEPTED)) or "zh"]
