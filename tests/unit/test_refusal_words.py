"""Every reason for which nothing is written or unlocked has words of its own on its page."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from web.certificates import unlock_flow, writing_flow

ROOT = Path(__file__).parents[2] / "certificates"
RAISED = {"NotNow", "NotUnlocked", "NotAnswered"}
REFUSES = "refuse"
"""Called with the code besides: answering.py."""
UNLOCKING = {"unlock", "_require_to_unlock"}
FIRST_PIN = {"first_pin"}


def codes() -> Iterator[tuple[str, str, str]]:
    """(error, code, function around it) of every code that stands there as a word."""
    for path in (*(ROOT / "issuing").glob("*.py"), ROOT / "orders" / "unlocking.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                    name = "NotAnswered" if call.func.id == REFUSES else call.func.id
                    words = [one.value for one in call.args if isinstance(one, ast.Constant)]
                    if name in RAISED and words:
                        yield name, str(words[0]), function.name


def told() -> set[tuple[str, str]]:
    """(whose words, code) as the pages get them."""
    found = set[tuple[str, str]]()
    for error, code, function in codes():
        if error == "NotNow":
            found.add(("writing", code))
        elif error == "NotUnlocked":
            found.add(("unlocking", code))
        elif function in FIRST_PIN:
            found.add(("writing", f"first_pin.{code}"))
        elif function in UNLOCKING:
            found.add(("unlocking", f"refused.{code}"))
        elif function == "_require_registered":
            found |= {("writing", f"first_pin.{code}"), ("unlocking", f"refused.{code}")}
        else:
            found.add(("writing", f"refused.{code}"))
    return found


WORDS = {"writing": writing_flow.REFUSALS, "unlocking": unlock_flow.REFUSALS}


def test_the_codes_are_found() -> None:
    assert {
        ("writing", "first_pin.card"),
        ("unlocking", "too_many"),
        ("writing", "refused.authority"),
    } <= told()


@pytest.mark.parametrize(("whose", "code"), sorted(told()))
def test_every_code_has_words_of_its_own(whose: str, code: str) -> None:
    assert code in WORDS[whose]
