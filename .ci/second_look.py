"""Run pytest, and look a second time at the few tests that failed: each alone, one after another.

    python .ci/second_look.py ARGUMENTS OF PYTEST

Why: the suite drives real servers in real time, on machines that others use too. A machine that stood still
for seconds is not a fault of ours; what fails twice, the second time alone, is one. Who passes only at the
second look is named, so that nobody overlooks that a test depends on time.

There is no second look if more than `AT_MOST` tests failed, if not all tests were run (a collection error, an
interruption, `-x`), or if pytest ended with anything but "some tests failed": then its exit code stands. The
second look has the seed of the first, so chance does not help.

This file is also the plugin of pytest that writes down what failed.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

AT_MOST = 10
TESTS_FAILED = 1
RECORD = "LUOCHUI_SECOND_LOOK"


# ── the plugin: what happened, written into the file that RECORD names ──


class Recorder:
    """Which tests passed, which failed (in any phase), and whether all were run."""

    def __init__(self, config: Any, path: Path) -> None:
        self._config, self._path = config, path
        self._passed: set[str] = set()
        self._failed: dict[str, None] = {}
        self._uncollected = False

    def pytest_runtest_logreport(self, report: Any) -> None:
        test = report.nodeid
        if report.failed:
            self._failed[test] = None
        elif report.when == "call" and report.passed:
            self._passed.add(test)

    def pytest_collectreport(self, report: Any) -> None:
        self._uncollected |= report.failed

    def pytest_sessionfinish(self, session: Any) -> None:
        option = self._config.getoption
        stopped = bool(session.shouldstop or session.shouldfail or option("maxfail", 0))
        self._path.write_text(
            json.dumps(
                {
                    "all_run": not stopped and not self._uncollected,
                    "passed": sorted(self._passed - self._failed.keys()),
                    "failed": list(self._failed),
                    "seed": option("randomly_seed", None),
                    "timeout": option("timeout", None),
                }
            )
        )


def pytest_configure(config: Any) -> None:
    path = os.environ.get(RECORD)
    if path and not hasattr(
        config, "workerinput"
    ):  # the workers of xdist report to the one that started them
        config.pluginmanager.register(Recorder(config, Path(path)), "second-look-recorder")


# ── the command ──


def run(arguments: list[str]) -> tuple[int, dict[str, Any]]:
    """One run of pytest: its exit code, and what was written down (nothing, if it did not get that far)."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.json"
        here = str(Path(__file__).resolve().parent)
        path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, RECORD: str(record), "PYTHONPATH": path}
        command = [sys.executable, "-m", "pytest", "-p", Path(__file__).stem, *arguments]
        code = subprocess.run(command, env=environment, check=False).returncode
        return code, json.loads(record.read_text()) if record.exists() else {}


def alone(test: str, seed: int | None, timeout: float | None) -> bool:
    """Whether this test, and nothing else, ran now and passed."""
    chance = ["-p", "no:randomly"] if seed is None else [f"--randomly-seed={seed}"]
    patience = [] if timeout is None else [f"--timeout={timeout}"]
    code, seen = run([*chance, *patience, test])
    return code == 0 and seen.get("passed") == [test] and not seen["failed"]


def main(arguments: list[str]) -> int:
    code, seen = run(arguments)
    if code != TESTS_FAILED:
        return code
    failed = seen.get("failed", [])
    if not failed or not seen["all_run"] or len(failed) > AT_MOST:
        print(f"\nNo second look: {len(failed)} tests failed, or not all were run.", flush=True)
        return code
    print(f"\nA second look at {len(failed)} failed tests, each alone.", flush=True)
    again = {test: alone(test, seen["seed"], seen["timeout"]) for test in failed}
    print()
    for test, passed in again.items():
        print(f"passed only when run alone: {test}" if passed else f"failed twice: {test}")
    return 0 if all(again.values()) else code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
