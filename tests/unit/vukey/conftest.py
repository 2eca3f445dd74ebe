"""A folder of virtual UKeys, the module that finds them, and a token on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from signing.token.profiles import module_path
from tests.ukeykit import (
    Desk,
    Module,
    blank,
    equip,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LUOCHUI_VUKEY_DIR", str(tmp_path))
    monkeypatch.setenv("LUOCHUI_VUKEY_COST", "10")
    return tmp_path


@pytest.fixture
def module(folder: Path) -> Iterator[Module]:
    made = Module(module_path())
    yield made
    made.finalize()


@pytest.fixture
def desk(module: Module, folder: Path) -> Desk:
    file = blank(folder)
    (slot,) = module.slots()
    return Desk(module, slot, equip(module, slot), file)
