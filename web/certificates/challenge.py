"""Against robots, without pictures: a small sum in words, which a screen reader reads as well as anybody.

Nothing is stored until it is answered: the question is signed, lives for LIVES_S, and counts once. A field
that nobody sees catches those who fill in everything.
"""

import base64
import binascii
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from typing import Final

from office.accounts import Role
from web.csrf import sign
from web.languages import CHINESE
from web.visits import Visit

LIVES_S: Final = 30 * 60
FIELD, TICKET, TRAP = "challenge", "challenge_ticket", "website"
_NUMBERS: Final = ("零", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十")
_WORDS: Final = (*("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),)
_USED: Final = "luochui:challenge"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What is asked, and what comes back with the answer."""

    question: str
    ticket: str


def spared(visit: Visit) -> bool:
    """A clerk who types for somebody at the counter: known by name, and no robot."""
    return visit.role is Role.CLERK


def ask(visit: Visit) -> Challenge:
    first, second = secrets.randbelow(9) + 2, secrets.randbelow(9) + 2
    add = bool(secrets.randbelow(2)) or second > first
    answer = first + second if add else first - second
    nonce = secrets.token_hex(8)
    facts = {"answer": _hidden(visit, answer, nonce), "n": nonce, "at": str(int(time.time()))}
    payload = base64.urlsafe_b64encode(json.dumps(facts).encode()).decode()
    ticket = f"{payload}.{sign(visit.site.settings.secret, 'challenge', visit.visitor + payload)}"
    if visit.locale == CHINESE:
        question = f"{_NUMBERS[first]}{'加' if add else '减'}{_NUMBERS[second]}等于几？请填数字。"
    else:
        question = f"How much is {_WORDS[first]} {'plus' if add else 'minus'} {_WORDS[second]}? As a number."
    return Challenge(question, ticket)


async def passed(visit: Visit) -> bool:
    """Whether the form's answer is right: in time, the first time, and the trap empty."""
    payload, _, signature = visit.form.get(TICKET, "")[:600].partition(".")
    wanted = sign(visit.site.settings.secret, "challenge", visit.visitor + payload)
    if visit.form.get(TRAP) or not hmac.compare_digest(wanted.encode(), signature.encode()):
        return False
    try:
        facts = json.loads(base64.urlsafe_b64decode(payload))
        answer, nonce, at = str(facts["answer"]), str(facts["n"]), int(facts["at"])
    except (ValueError, binascii.Error, KeyError, TypeError):
        return False
    typed = visit.form.get(FIELD, "").strip()
    if not 0 <= time.time() - at <= LIVES_S or not (typed.isascii() and typed.isdigit() and len(typed) <= 3):
        return False
    once = await visit.site.redis.set(f"{_USED}:{nonce}", "1", ex=LIVES_S, nx=True)
    return bool(once) and hmac.compare_digest(_hidden(visit, int(typed), nonce), answer)


def _hidden(visit: Visit, answer: int, nonce: str) -> str:
    return sign(visit.site.settings.secret, "challenge answer", f"{nonce} {answer}")
