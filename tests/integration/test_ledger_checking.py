"""A restored ledger is followed entry by entry: whatever was changed in it is named."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from bidding.ledger.checking import Checked, check_ledger
from bidding.messages import Phase
from luochui.operations import restore
from luochui.operations.manifest import BrokenBackup
from tests.integration.test_settlement import sealed_file
from tests.ledgerkit import Scene, scene, terms


@pytest.fixture
async def stage(valkey: str, database: str) -> AsyncIterator[Scene]:
    async with scene(valkey, database) as made:
        yield made


async def played(stage: Scene) -> None:
    """Two lots with bids and refusals; one is settled and sealed."""
    for lot in ("L-1", "L-2"):
        await stage.put_on(terms(lot))
    async with stage.writer() as writer, stage.settler(writer):
        for lot in ("L-1", "L-2"):
            await stage.open(lot)
            await stage.bid(lot, "1001", 150)
            await stage.bid(lot, "2002", 151)
            await stage.bid(lot, "2002", 152)
        await stage.reach("L-1", Phase.CLOSED)
        await sealed_file(stage, "L-1")


def checked(stage: Scene, *, after: str = "") -> Checked:
    """What is found in the database, after a change that is taken back."""
    with psycopg.connect(stage.database_url) as connection:
        if after:
            assert connection.execute(after).rowcount >= 1
        found = check_ledger(connection)
        connection.rollback()
    return found


CHANGES = {
    "a changed line": (
        "UPDATE ledger_entries SET line = replace(line, '150', '950') WHERE lot = 'L-2' AND seq = 4",
        "L-2: the chain breaks at entry 4",
    ),
    "a changed hash": (
        "UPDATE ledger_entries SET hash = sha256('x') WHERE lot = 'L-2' AND seq = 3",
        "L-2: the chain breaks at entry 3",
    ),
    "a missing entry": (
        "DELETE FROM ledger_entries WHERE lot = 'L-2' AND seq = 2",
        "L-2: the chain breaks at entry 2",
    ),
    "another beginning": (
        "DELETE FROM ledger_entries WHERE lot = 'L-2' AND seq = 1",
        "L-2: the chain breaks at entry 1",
    ),
    "a changed refusal": (
        "UPDATE private_entries SET line = replace(line, '2002', '1001') WHERE lot = 'L-2' AND number = 2",
        "L-2: the chain breaks at private entry 2",
    ),
    "the end cut off": (
        "DELETE FROM ledger_entries WHERE lot = 'L-1' AND kind = 'result'",
        "L-1: its seal is over another head",
    ),
    "a forged seal": (
        "UPDATE lot_seals SET signature = signature || '\\x00'",
        "L-1: its seal is not signed by the key that it names",
    ),
    "a seal of nobody": (
        "UPDATE lot_seals SET key_id = 'gone'",
        "L-1: its seal is not signed by the key that it names",
    ),
}


async def test_a_sound_ledger_has_no_faults_and_every_change_is_named(stage: Scene) -> None:
    await played(stage)
    sound = checked(stage)
    assert sound.faults == ()
    assert sound.entries > 12
    assert sound.seals == 1
    for name, (change, fault) in CHANGES.items():
        assert checked(stage, after=change).faults == (fault,), name


async def test_a_restore_refuses_a_broken_ledger(stage: Scene) -> None:
    await played(stage)
    with psycopg.connect(stage.database_url) as connection:
        restore._check_ledger(connection)
        connection.execute("UPDATE ledger_entries SET line = line || ' ' WHERE lot = 'L-2' AND seq = 4")
        with pytest.raises(BrokenBackup, match="L-2: the chain breaks at entry 4"):
            restore._check_ledger(connection)
        connection.rollback()
