"""Chinese is the language of the sources; English comes from templates/en.po, compiled at the start."""

import gettext
import io
from functools import cache
from importlib.resources import files
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

CHINESE: Final = "zh-CN"
ENGLISH: Final = "en"
_LONGEST_ACCEPT: Final = 200


def N_(text: str) -> str:
    """Marks a text for translation where it stands; it is translated where it is shown."""
    return text


@cache
def translations(locale: str) -> gettext.NullTranslations:
    """Of one of the two locales."""
    if locale != ENGLISH:
        return gettext.NullTranslations()
    source = files("signing.assistant").joinpath("templates", "en.po").read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source), locale="en"))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def choose(accept_language: str) -> str:
    """English for whoever prefers it to Chinese, Chinese for everybody else."""
    for part in accept_language[:_LONGEST_ACCEPT].split(","):
        wanted = part.split(";")[0].strip()[:2].lower()
        if wanted in ("zh", "en"):
            return CHINESE if wanted == "zh" else ENGLISH
    return CHINESE
