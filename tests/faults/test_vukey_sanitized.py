"""The virtual UKey under the sanitizers for addresses, undefined behaviour and threads: its own tests, files
that were changed at random, random calls."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ukeykit import SOURCES

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]

ROOT = Path(__file__).parents[2]
FUZZER = Path(__file__).with_name("vukey_fuzz.c")
CHECKED = ("-O1", "-g", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all")
LIBRARIES = ("-lcrypto", "-lpthread")
PLUGINS = ("-q", "-p", "no:randomly", "-p", "tests.faults.vukey_plugin")
NOT_OTHERS = "not opensc and not another_program"  # processes that would not have the sanitizer loaded
OPTIONS = {
    "ASAN_OPTIONS": "abort_on_error=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1",
}


def compile_with(sanitizers: str, output: Path) -> Path:
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", *CHECKED]
    sources = [FUZZER, *sorted(SOURCES.glob("*.c"))]
    subprocess.run(
        ["gcc", *flags, f"-fsanitize={sanitizers}", f"-I{SOURCES}", "-o", output, *sources, *LIBRARIES],
        check=True,
        timeout=120,
    )
    return output


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_with("address,undefined", tmp_path_factory.mktemp("fuzzer") / "fuzz")


def fuzz(program: Path, folder: Path, seed: int, rounds: int, what: str) -> None:
    done = subprocess.run(
        [program, folder, str(seed), str(rounds), what],
        env={**os.environ, **OPTIONS},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr[-6000:]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_files_that_were_changed_at_random(fuzzer: Path, tmp_path: Path, seed: int) -> None:
    fuzz(fuzzer, tmp_path, seed, 500_000, "format")


@pytest.mark.parametrize("seed", [11, 12, 13, 14])
def test_random_calls_while_the_file_changes_underneath(fuzzer: Path, tmp_path: Path, seed: int) -> None:
    fuzz(fuzzer, tmp_path, seed, 20_000, "calls")


@pytest.mark.parametrize("sanitizers", ["address,undefined", "thread"])
def test_random_calls_by_four_threads(tmp_path: Path, sanitizers: str) -> None:
    program = compile_with(sanitizers, tmp_path / "fuzz")
    for seed in range(3):
        fuzz(program, tmp_path, seed, 1, "threads")


def test_its_own_tests(tmp_path: Path) -> None:
    """tests/unit/vukey once more, with the module compiled under sanitizers and loaded by Python."""
    module = tmp_path / "vukey.so"
    flags = "-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
    subprocess.run(
        [SOURCES / "compile", module],
        env={**os.environ, "CC": "gcc", "CFLAGS": flags},
        check=True,
        timeout=120,
    )
    runtime = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True, timeout=10
    ).stdout.strip()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGINS, "tests/unit/vukey", "-k", NOT_OTHERS],
        cwd=ROOT,
        env={
            **os.environ,
            **OPTIONS,
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",  # Python's own are none of ours
            "LD_PRELOAD": runtime,
            "PYTHONMALLOC": "malloc",
            "PYTHONPATH": str(ROOT),
            "VUKEY_UNDER_TEST": str(module),
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert " passed" in done.stdout
    assert " skipped" not in done.stdout
