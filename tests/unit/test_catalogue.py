"""Every text of the pages has an English translation that takes the same facts."""

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

from web.languages import CHINESE, ENGLISH, choose, english

WEB = Path(__file__).parents[2] / "web"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
METHODS = [("**/templates/**.html", "jinja2"), ("**.html", "jinja2"), ("**.py", "python")]
FACT = re.compile(r"%\((\w+)\)[sd]")


@cache
def texts() -> dict[str, str]:
    """All marked texts, with one place where each stands."""
    found: dict[str, str] = {}
    options = {"**/templates/**.html": {"silent": "false"}, "**.html": {"silent": "false"}}
    for file, line, message, _comments, _context in extract_from_dir(
        str(WEB), METHODS, options, KEYWORDS, directory_filter=lambda path: not path.endswith("static")
    ):
        first = message[0] if isinstance(message, tuple) else message
        if first:
            found[first] = f"web/{file}:{line}"
    return found


def test_the_pages_have_texts() -> None:
    assert len(texts()) > 100


def test_every_text_has_an_english_translation() -> None:
    catalogue = english()
    missing = {}
    for text, place in texts().items():
        message = catalogue.get(text)
        said = message.string if message else ""
        if not (all(said) if isinstance(said, tuple) else said):
            missing[text] = place
    assert not missing, "\n".join(f"{place}  {text}" for text, place in missing.items())


def test_translations_take_the_same_facts() -> None:
    catalogue = english()
    for text in texts():
        message = catalogue.get(text)
        if message is None:
            continue
        for said in message.string if isinstance(message.string, tuple) else (message.string,):
            assert set(FACT.findall(said)) == set(FACT.findall(text)), text


def test_no_translation_is_left_over() -> None:
    ids = {message.id[0] if isinstance(message.id, tuple) else message.id for message in english()}
    left = {text for text in ids if text} - set(texts())
    assert not left, "\n".join(sorted(left))


@pytest.mark.parametrize(
    ("account", "cookie", "accept", "locale"),
    [
        ("", "", "", CHINESE),
        ("", "", "en-GB,en;q=0.8", ENGLISH),
        ("", "", "fr,zh-TW;q=0.8,en;q=0.5", CHINESE),
        ("", "", "de", CHINESE),
        ("", "en", "zh-CN", ENGLISH),
        ("zh-CN", "en", "en", CHINESE),
        ("", "xx", "\x00;;,,=", CHINESE),
    ],
)
def test_the_account_decides_then_the_cookie_then_the_browser(
    account: str, cookie: str, accept: str, locale: str
) -> None:
    assert choose(account, cookie, accept) == locale
