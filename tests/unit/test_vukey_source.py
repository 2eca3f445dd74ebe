"""The virtual UKey compiles without a warning, exports PKCS#11 and nothing else, and the build makes it."""

import subprocess
import sys
from pathlib import Path

import pytest

from signing.token.profiles import module_path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "signing" / "vukey"
LOOK = """
import sys, pkcs11
module = pkcs11.lib(sys.argv[1])
print(module.manufacturer_id.strip(), module.cryptoki_version, len(module.get_slots()))
"""


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    module = tmp_path / "vukey.so"
    subprocess.run(
        ["sh", SOURCES / "compile", module],
        env={"PATH": "/usr/bin:/bin", "CFLAGS": "-Werror -Wshadow -Wpointer-arith -Wstrict-prototypes"},
        check=True,
        timeout=120,
    )
    return module


def test_it_compiles_strictly_and_loads_with_no_token_in_an_empty_folder(
    compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUOCHUI_VUKEY_DIR", str(tmp_path))
    seen = subprocess.run(
        [sys.executable, "-c", LOOK, compiled], check=True, capture_output=True, text=True, timeout=30
    )
    assert seen.stdout.split() == ["Luochui", "(2,", "40)", "0"]
    assert [each.name for each in tmp_path.iterdir()] == ["vukey.so"], "a draft was left"


def test_it_exports_the_functions_of_the_standard_and_nothing_else(compiled: Path) -> None:
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", compiled], check=True, capture_output=True, text=True, timeout=30
    )
    names = [line.split()[-1] for line in listed.stdout.splitlines()]
    assert len(names) > 30
    assert [name for name in names if not name.startswith("C_")] == []


def test_the_tree_has_it_where_the_program_looks(compiled: Path) -> None:
    """`make` built it: a test that needs it must not be skipped in silence."""
    assert module_path().is_file(), "run `make native`"
    newest = max(file.stat().st_mtime for pattern in ("*.c", "*.h") for file in SOURCES.glob(pattern))
    assert module_path().stat().st_mtime >= newest, "older than its sources: run `make native`"


def test_a_failed_build_leaves_the_former_module(compiled: Path) -> None:
    before = compiled.read_bytes()
    done = subprocess.run(
        ["sh", SOURCES / "compile", compiled],
        env={"PATH": "/usr/bin:/bin", "CFLAGS": "-include /nonexistent.h"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    assert compiled.read_bytes() == before
    assert len(list(compiled.parent.iterdir())) == 1


def test_the_wheel_is_for_this_platform_and_has_the_module(tmp_path: Path) -> None:
    """Built from a copy of what the build needs, so that the checkout is left as it is."""
    copy = tmp_path / "source"
    for name in ("setup.py", "pyproject.toml", "LICENSE", *_files("signing"), *_files("alembic")):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((ROOT / name).read_bytes())
    for package in ("bidding", "certificates", "luochui", "office", "trading", "web"):
        for name in _files(package):
            if name.endswith(".py"):
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                (copy / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(copy)], check=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.split("-")[2:4] == ["py3", "none"]
    assert not wheel.name.endswith("any.whl")
    unpacked = tmp_path / "unpacked"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, unpacked], check=True, timeout=60)
    assert (unpacked / module_path().relative_to(ROOT)).read_bytes()[:4] == b"\x7fELF"


def _files(folder: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=30,
    )
    return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
