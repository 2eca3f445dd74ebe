"""Production takes no time from outside: the book's script has one source of time, the server's own."""

import re
from importlib.resources import files

from bidding import book
from bidding.clock import Tolerances


def test_the_script_reads_the_time_in_one_place_only() -> None:
    text = book.script(Tolerances())
    assert text.count("redis.call('TIME')") == 1
    assert book.TIME_PRELUDE in text


def test_the_rules_in_the_script_read_it_through_the_prelude_once() -> None:
    rules = files("bidding").joinpath("book.lua").read_text(encoding="utf-8")
    code = re.sub(r"--.*", "", rules)
    assert code.count("time_ms()") == 1
    assert "'TIME'" not in code
    assert "os.time" not in code


def test_no_argument_of_a_command_becomes_now() -> None:
    """`now` is assigned once, from the prelude and the clock's own last time."""
    rules = files("bidding").joinpath("book.lua").read_text(encoding="utf-8")
    assignments = re.findall(r"(?<![\w_.])now\s*=(?!=).*", rules)
    assert assignments == ["now = (stepped_back or time > clock.last) and time or clock.last"]
