"""Every cell of "Channels, services, ways" (spec/certificates.md): carried to its end through the real
mechanism with its own price, material, payment, payer and PIN; every other one refused with where to go.

What is proven so stands in docs/certificates.proven.txt, from which docs/certificates.md's table is made.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luochui.docs import PROVEN
from office.database import create_engine
from tests.channelkit import channel
from tests.conftest import empty
from tests.matrixkit import Matrix
from tests.matrixrows import REFUSED, ROWS, Cell, Row


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.fixture(scope="module")
def house(
    migrated_url: str, runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Matrix]:
    """One database and one authority for all cells: each has an account of its own."""
    engine = create_engine(migrated_url)
    yield runner.run(Matrix.on(engine, tmp_path_factory.mktemp("matrix")))
    runner.run(engine.dispose())
    empty(migrated_url)


def _marked(row: Row) -> Any:
    """Persons go organizations' way on the channels of 网证通, by rows of their own: in the long run."""
    like_another = row.letter != "O" and row.channel in ("hunan_sanzi", "guangdong_gpcloud", "xiangxi")
    return pytest.param(row, id=row.id, marks=[pytest.mark.long] if like_another else [])


@pytest.mark.parametrize("row", [_marked(row) for row in ROWS])
def test_a_cell_is_carried_to_its_end(house: Matrix, runner: asyncio.Runner, row: Row) -> None:
    runner.run(house.carry(row))


@pytest.mark.parametrize("cell", REFUSED, ids=["-".join(cell) for cell in REFUSED])
def test_a_cell_without_an_entry_is_refused_and_says_where_to_go(
    house: Matrix, runner: asyncio.Runner, cell: Cell
) -> None:
    instead = runner.run(house.asks_in_vain(cell))
    key, service, subject, _way = cell
    if any((key, service, subject) == row.cell[:3] for row in ROWS) or subject not in channel(key).subjects:
        return  # here in another way, which the channel's page shows; or nobody of this kind is served here
    assert instead is not None
    assert instead.note
    if instead.channel:
        assert any((instead.channel, service, subject) == row.cell[:3] for row in ROWS)


def test_what_the_document_calls_proven_is_what_is_carried_here() -> None:
    """One line for each cell: one that fails above stands there wrongly, and its test says so."""
    assert Path(PROVEN).read_text("ascii").split() == sorted({"-".join(row.cell) for row in ROWS})
