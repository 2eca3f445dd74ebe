"""An assistant with one UKey, paired with a small platform: with the real PKCS#11 module."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.assistantkit import (
    PHRASE,
    Answer,
    Assistant,
    Equipped,
    Issuer,
    SmallPlatform,
    running_assistant,
)


@pytest.fixture(scope="module")
def lists() -> Iterator[SmallPlatform]:
    """Where the authority's list of revoked certificates lies."""
    made = SmallPlatform()
    yield made
    made.close()


@pytest.fixture(scope="module")
def issuer(lists: SmallPlatform) -> Issuer:
    made = Issuer(f"{lists.origin}/ca.crl")
    lists.answers["/ca.crl"] = Answer(made.revoked())
    return made


@pytest.fixture
def platform() -> Iterator[SmallPlatform]:
    made = SmallPlatform()
    yield made
    made.close()


@pytest.fixture(scope="module")
def made(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Equipped]:
    """A UKey that each test gets a copy of."""
    folder = tmp_path_factory.mktemp("made") / "ukeys"
    return folder, issuer.equip(folder, "甲方示例单位")


@pytest.fixture
def ukeys(made: tuple[Path, Equipped], tmp_path: Path) -> Path:
    shutil.copytree(made[0], tmp_path / "ukeys")
    return tmp_path / "ukeys"


@pytest.fixture
def ukey(made: tuple[Path, Equipped], ukeys: Path) -> Equipped:
    return made[1]


@pytest.fixture
def assistant(tmp_path: Path, ukeys: Path, ukey: Equipped, platform: SmallPlatform) -> Iterator[Assistant]:
    with running_assistant(tmp_path / "assistant", ukeys) as running:
        running.work.pair(platform.origin, platform.code, PHRASE)
        yield running
