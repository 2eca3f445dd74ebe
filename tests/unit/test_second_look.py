"""What fails twice is a fault; a test that fails once is looked at again, alone (.ci/second_look.py)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "second_look.py"
PLUGINS = "-p xdist -p pytest_timeout -p pytest_randomly"
ONCE = """
from pathlib import Path
def once(name):
    mark = Path(__file__).with_name(f"{name}.ran")
    if not mark.exists():
        mark.touch()
        assert False, "the first time"
"""
ALWAYS = "def test_always():\n    assert False\n"


def look(folder: Path, *arguments: str, **files: str) -> tuple[int, str]:
    """The exit code and what was said, for these test files in a folder of their own."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    command = [sys.executable, str(SCRIPT), "-p", "no:cacheprovider", "--timeout", "100", *arguments]
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "LUOCHUI"))}
    plain |= {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": PLUGINS,
    }  # the others take a second each
    done = subprocess.run(
        command, cwd=folder, env=plain, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100
    )
    return done.returncode, done.stdout


WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2", "--dist", "loadfile")], ids=["one", "workers"])


@WORKERS
def test_what_fails_once_passes_and_is_named(tmp_path: Path, workers: tuple[str, ...]) -> None:
    """Also on the workers, with parameters, and in a fixture's own work."""
    moody = (
        ONCE
        + """
import pytest
@pytest.fixture
def prepared():
    once("setup")
def test_good():
    pass
@pytest.mark.parametrize("word", ["a b", "x@y"])
def test_moody(word):
    once(word)
def test_another():
    once("another")
def test_setup(prepared):
    pass
"""
    )
    code, said = look(tmp_path, *workers, test_some=moody)
    assert code == 0, said
    named = {line for line in said.splitlines() if line.startswith("passed only when run alone: ")}
    tests = ("test_moody[a b]", "test_moody[x@y]", "test_another", "test_setup")
    assert named == {f"passed only when run alone: test_some.py::{test}" for test in tests}
    assert "failed twice" not in said


@WORKERS
def test_what_fails_always_fails(tmp_path: Path, workers: tuple[str, ...]) -> None:
    moody = ONCE + "def test_moody():\n    once('it')\n"
    code, said = look(tmp_path, *workers, test_always=ALWAYS, test_moody=moody)
    assert code == 1
    assert "failed twice: test_always.py::test_always" in said.splitlines()
    assert "passed only when run alone: test_moody.py::test_moody" in said.splitlines()


def test_what_passes_is_looked_at_once(tmp_path: Path) -> None:
    code, said = look(tmp_path, test_good="def test_good():\n    pass\n")
    assert code == 0
    assert "second look" not in said


@pytest.mark.parametrize(("number", "second"), [(10, True), (11, False)])
def test_more_than_ten_failures_fail_at_once(tmp_path: Path, number: int, second: bool) -> None:
    many = f"""
import pytest
{ONCE}
@pytest.mark.parametrize("number", range({number}))
def test_many(number):
    once(number)
"""
    code, said = look(tmp_path, test_many=many)
    assert code == (0 if second else 1)
    assert said.count("passed only when run alone") == (10 if second else 0)
    assert ("No second look: 11 tests failed" in said) is not second


@WORKERS
def test_what_cannot_be_collected_fails(tmp_path: Path, workers: tuple[str, ...]) -> None:
    moody = ONCE + "def test_moody():\n    once('it')\n"
    code, said = look(tmp_path, *workers, test_moody=moody, test_broken="import nothing_of_this_name\n")
    assert code != 0
    assert "passed only when run alone" not in said
    code, said = look(tmp_path, *workers, "--continue-on-collection-errors")
    assert code != 0
    assert "passed only when run alone" not in said


@pytest.mark.parametrize("stop", ["-x", "--maxfail=2"])
def test_a_run_that_stopped_early_gets_no_second_look(tmp_path: Path, stop: str) -> None:
    moody = (
        ONCE + "def test_a():\n    once('a')\ndef test_b():\n    once('b')\ndef test_c():\n    assert False\n"
    )
    code, said = look(tmp_path, "-p", "no:randomly", stop, test_moody=moody)
    assert code == 1
    assert "No second look" in said


def test_a_run_without_tests_or_with_bad_arguments_fails(tmp_path: Path) -> None:
    code, _ = look(tmp_path, test_none="")
    assert code == 5
    code, _ = look(tmp_path, "--no-such-option")
    assert code == 4


def test_a_crash_without_a_record_fails(tmp_path: Path) -> None:
    code, said = look(tmp_path, test_gone="import os\ndef test_gone():\n    os._exit(1)\n")
    assert code == 1
    assert "No second look: 0 tests failed" in said


def test_the_second_look_has_the_same_seed(tmp_path: Path) -> None:
    """A test that fails with one seed and passes with another fails twice, so chance does not help."""
    chance = """
import random
from pathlib import Path
def test_chance():
    drawn = Path(__file__).with_name("drawn")
    number = str(random.random())
    before = drawn.read_text() if drawn.exists() else number
    drawn.write_text(number)
    assert before != number, "the same number again"
"""
    code, said = look(tmp_path, test_chance=chance)
    assert code == 1
    assert "failed twice: test_chance.py::test_chance" in said


def test_a_test_that_is_skipped_the_second_time_did_not_pass(tmp_path: Path) -> None:
    shy = """
from pathlib import Path
import pytest
def test_shy():
    mark = Path(__file__).with_name("ran")
    if mark.exists():
        pytest.skip("not today")
    mark.touch()
    assert False
"""
    code, said = look(tmp_path, test_shy=shy)
    assert code == 1
    assert "failed twice: test_shy.py::test_shy" in said
