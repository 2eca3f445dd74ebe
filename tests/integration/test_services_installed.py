"""After `pip install .` everything works outside the checkout."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = {
    "luochui/migrations/env.py",
    "luochui/migrations/script.py.mako",
    *(f"luochui/migrations/versions/{path.name}" for path in (ROOT / "alembic" / "versions").glob("*.py")),
    *(path.relative_to(ROOT).as_posix() for path in (ROOT / "bidding").rglob("*.lua")),
    *(path.relative_to(ROOT).as_posix() for path in (ROOT / "web" / "templates").rglob("*.*")),
    *(path.relative_to(ROOT).as_posix() for path in (ROOT / "web" / "static").rglob("*.*")),
    *(path.relative_to(ROOT).as_posix() for path in (ROOT / "web" / "locales").rglob("*.po")),
    *(
        path.relative_to(ROOT).with_suffix(".mo").as_posix()
        for path in (ROOT / "web" / "locales").rglob("*.po")
    ),
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that the checkout is left as it is."""
    place = tmp_path_factory.mktemp("wheel")
    copy = place / "source"
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True
    )
    for name in tracked.stdout.decode().split("\0"):
        source = ROOT / name
        if name and source.is_file() and not name.startswith("tests/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes(source.read_bytes())
    command = [
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(place),
        str(copy),
    ]
    subprocess.run([sys.executable, "-m", *command], check=True, timeout=120)
    return next(place.glob("*.whl"))


def test_the_wheel_has_migrations_templates_catalogues_and_scripts(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert names >= SHIPPED
    assert not [name for name in names if name.startswith(("alembic/", "tests/"))]


def test_an_installed_luochui_finds_its_migrations(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    libraries = next(path for path in sys.path if path.endswith("site-packages"))
    code = (
        "import sys, pathlib; from luochui.operations import migrations as m; import luochui, alembic;"
        "assert 'site-packages' in alembic.__file__ and str(pathlib.Path.cwd()) in luochui.__file__;"
        "print(m.scripts(), m.head())"
    )
    zipfile.ZipFile(wheel).extractall(tmp_path)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(tmp_path), libraries])}
    done = subprocess.run([python, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "luochui/migrations" in done.stdout
