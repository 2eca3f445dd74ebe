"""The sealed process: its boxes, its socket, its key with escrow, and the clear table of earlier versions."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner, Result

from luochui.commands.sealed import sealed_app
from luochui.operations import sealed_key
from luochui.operations.findings import Level
from luochui.settings import Settings
from luochui.vaults import SealedKeyUnusable, asking, key_file, open_vault, socket_of
from office.accounts import Accounts, Role
from office.database import create_engine
from office.sealed import (
    BoxBroken,
    ListFaults,
    NotPublished,
    NotYours,
    PartnerAnswer,
    QualifiedRow,
    SealedAway,
    SealedKey,
    StillSealed,
    Vault,
    WantedPartner,
    wire,
)
from office.sealed import key as keys
from office.sealed.client import SealedClient
from office.sealed.escrow import ShortPassphrase, WrongPassphrase, read_escrow, write_escrow
from office.sealed.key import KeyFault
from office.sealed.server import serving
from signing.sm2 import PrivateKey
from tests.webkit import until

QUICK = 10
PASSPHRASE = "a passphrase of the tests"


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database)
    yield made
    await made.dispose()


@pytest.fixture
async def people(engine: AsyncEngine) -> tuple[int, int]:
    accounts = Accounts(engine)
    one, two = [await accounts.create_hashed(f"bidder{n}", "x", Role.BIDDER, f"竞买人{n}") for n in (1, 2)]
    return one, two


@pytest.fixture
async def client(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[SealedClient]:
    path = tmp_path / "run" / "sealed.sock"
    async with serving(Vault(engine, SealedKey.generate()), path):
        asking = SealedClient(path)
        yield asking
        await asking.close()


# ── through the socket ──────────────────────────────────────────────────────────────────────────────────────


async def test_answers_and_refusals_come_through_the_socket(
    client: SealedClient, people: tuple[int, int]
) -> None:
    one, two = people
    registration = await client.register(one, "L-1")
    assert await client.register(one, "L-1") == registration
    assert await client.owner_of(registration, one)
    assert not await client.owner_of(registration, two)
    assert await client.lot_of(registration, one) == "L-1"
    with pytest.raises(NotYours):
        await client.lot_of(registration, two)
    with pytest.raises(NotYours):
        await client.account_for_delivery("R0000000000000000")
    box = await client.seal(registration, "form", bytes(range(256)))
    assert await client.open(registration, "form", box, account_id=one) == bytes(range(256))
    with pytest.raises(StillSealed):
        await client.open(registration, "form", box)
    with pytest.raises(NotYours):
        await client.open(registration, "form", box, account_id=two)
    with pytest.raises(BoxBroken):
        await client.open(registration, "pledge", box, account_id=one)
    with pytest.raises(ListFaults) as caught:
        await client.check([QualifiedRow("ghost")])
    assert caught.value.faults[0].login == "ghost"
    with pytest.raises(StillSealed):
        await client.names_after_close("L-1")


async def test_an_import_waits_for_the_book_on_the_other_side(
    client: SealedClient, people: tuple[int, int]
) -> None:
    asked: list[dict[str, int]] = []

    async def takes(ranks: object) -> bool:
        assert isinstance(ranks, dict)
        asked.append(ranks)
        return True

    async def refuses(_ranks: object) -> bool:
        return False

    async def breaks(_ranks: object) -> bool:
        raise LookupError

    rows = [QualifiedRow("bidder1", 1), QualifiedRow("bidder2")]
    assert (await client.import_qualified("L-1", rows, takes)).with_priority == 1
    assert asked == [await client.qualified("L-1")]
    before = await client.qualified("L-1")
    with pytest.raises(NotPublished):
        await client.import_qualified("L-1", rows[:1], refuses)
    with pytest.raises(LookupError):
        await client.import_qualified("L-1", rows[:1], breaks)

    async def same() -> bool:
        return await client.qualified("L-1") == before

    await until(same)


async def test_partners_answer_and_only_they_reach_it(client: SealedClient, people: tuple[int, int]) -> None:
    one, two = people
    registration = await client.register(one, "L-1")
    assert await client.all_accepted(registration)
    await client.set_partners(registration, one, [WantedPartner("bidder2", 2_500)])
    assert not await client.all_accepted(registration)
    [asked] = await client.invitations(two)
    assert (asked.lot, asked.inviter, asked.share) == ("L-1", "竞买人1", 2_500)
    assert await client.lot_of(registration, two) == "L-1"
    with pytest.raises(NotYours):
        await client.answer(registration, one, True)
    assert await client.answer(registration, two, True)
    [kept] = await client.set_partners(registration, one, [WantedPartner("bidder2", 2_500)])
    assert kept.answer is PartnerAnswer.ACCEPTED
    [changed] = await client.set_partners(registration, one, [WantedPartner("bidder2", 3_000)])
    assert changed.answer is PartnerAnswer.ASKED
    for wanted in ([WantedPartner("bidder1", 10)], [WantedPartner("bidder2", 10_000)]):
        with pytest.raises(ListFaults):
            await client.set_partners(registration, one, wanted)


async def test_a_partner_who_was_asked_before_partners_sealed_has_a_key_too(
    client: SealedClient, people: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = people
    registration, wanted = await client.register(one, "L-1"), [WantedPartner("bidder2", 2_500)]
    with monkeypatch.context() as before:
        before.setattr("office.sealed.vault.secrets.token_hex", lambda _: "")
        [kept] = await client.set_partners(registration, one, wanted)
    assert kept.key == "", "as it was kept then"
    [asked] = await client.partners(registration, two)
    assert len(asked.key) == 16
    [same] = await client.set_partners(registration, one, wanted)
    assert same.key == asked.key
    [other] = await client.set_partners(registration, one, [WantedPartner("bidder2", 3_000)])
    assert other.key != asked.key


async def test_many_calls_at_once_are_all_answered(client: SealedClient, people: tuple[int, int]) -> None:
    registration = await client.register(people[0], "L-1")
    found = await asyncio.gather(*(client.lot_of(registration, people[0]) for _ in range(150)))
    assert set(found) == {"L-1"}


@pytest.mark.parametrize(
    "frame",
    [
        b"{}",
        b"no json",
        b'{"method":"__init__","arguments":{}}',
        b'{"method":"_own","arguments":{}}',
        b'{"method":"register","arguments":{"account_id":"x","lot":1}}',
        b'{"method":"register","arguments":{"account_id":1,"lot":"L","more":1}}',
        b'{"method":"register"}',
        b"[]",
    ],
)
async def test_what_is_no_call_ends_the_connection(client: SealedClient, frame: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(str(client._path))
    await wire.write_frame(writer, frame)
    assert await reader.read() == b""
    writer.close()


async def test_a_frame_that_says_it_is_huge_is_not_waited_for(client: SealedClient) -> None:
    reader, writer = await asyncio.open_unix_connection(str(client._path))
    writer.write((wire.LARGEST_FRAME + 1).to_bytes(4))
    assert await reader.read() == b""
    writer.close()


async def test_the_socket_is_for_this_account_alone(client: SealedClient) -> None:
    mode = client._path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE(client._path.parent.stat().st_mode) == 0o700


async def test_a_process_that_began_anew_is_found_again(engine: AsyncEngine, tmp_path: Path) -> None:
    vault, path = Vault(engine, SealedKey.generate()), tmp_path / "s" / "sealed.sock"
    client = SealedClient(path)
    for _ in range(2):
        async with serving(vault, path):
            assert await client.registration_of(1, "L-1") is None
        with pytest.raises(SealedAway):
            await client.registration_of(1, "L-1")


def test_every_method_of_the_interface_has_its_call() -> None:
    public = {name for name in dir(Vault) if not name.startswith("_")}
    assert public == set(wire.METHODS)
    assert {name for name in dir(SealedClient) if not name.startswith("_")} == public | {"close"}


# ── what a copy of the database tells ───────────────────────────────────────────────────────────────────────


async def test_another_key_opens_and_finds_nothing(engine: AsyncEngine, people: tuple[int, int]) -> None:
    vault, thief = Vault(engine, SealedKey.generate()), Vault(engine, SealedKey.generate())
    registration = await vault.register(people[0], "L-1")
    await vault.give_paddle(registration)
    assert await thief.registration_of(people[0], "L-1") is None
    assert await thief.qualified("L-1") == {}
    assert await thief.of_lot("L-1") == []
    with pytest.raises(BoxBroken):
        await thief.account_for_delivery(registration)


async def test_a_box_moved_to_another_row_does_not_open(engine: AsyncEngine, people: tuple[int, int]) -> None:
    vault = Vault(engine, SealedKey.generate())
    first, second = [await vault.register(account, "L-1") for account in people]
    move = text(
        "UPDATE sealed_registrations SET box = (SELECT box FROM sealed_registrations WHERE registration = :a)"
        " WHERE registration = :b"
    )
    async with engine.begin() as connection:
        await connection.execute(move, {"a": first, "b": second})
    with pytest.raises(BoxBroken):
        await vault.account_for_delivery(second)


async def test_a_sub_account_is_bound_once(engine: AsyncEngine, people: tuple[int, int]) -> None:
    vault = Vault(engine, SealedKey.generate())
    first, second = [await vault.register(account, "L-1") for account in people]
    for _ in range(2):
        await vault.bind_sub_account("6200010001", first)
    with pytest.raises(ValueError, match="bound"):
        await vault.bind_sub_account("6200010001", second)
    assert await vault.registration_of_sub_account("6200010001") == first
    assert await vault.sub_account_of(first) == "6200010001"
    assert await vault.registration_of_sub_account("9") is None


# ── the key ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def settings(database: str, valkey: str, tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path / "data", database_url=SecretStr(database), redis_url=SecretStr(valkey), partitions=2
    )


async def test_the_first_start_takes_the_clear_links_over_and_empties_their_table(
    settings: Settings, engine: AsyncEngine, people: tuple[int, int]
) -> None:
    put = text("INSERT INTO paddles VALUES ('L-1', :account, :paddle, :rank, :withdrawn)")
    async with engine.begin() as connection:
        for account, paddle, rank, off in ((people[0], "1234", 2, False), (people[1], "4321", 0, True)):
            row = {"account": account, "paddle": paddle, "rank": rank, "withdrawn": off}
            await connection.execute(put, row)
    for _ in range(2):
        vault = await open_vault(settings, engine)
        assert await vault.qualified("L-1") == {"1234": 2}
        assert await vault.paddle_of("L-1", people[0]) == ("1234", 2)
        assert await vault.paddle_of("L-1", people[1]) is None
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM paddles")) == 0
        held = await connection.scalar(text("SELECT count(*) FROM sealed_paddles"))
    assert held == 2


async def test_a_lost_key_is_never_replaced_by_a_new_one(settings: Settings, engine: AsyncEngine) -> None:
    await open_vault(settings, engine)
    file = key_file(settings)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = keys.load(file)
    file.unlink()
    with pytest.raises(SealedKeyUnusable, match="luochui sealed restore"):
        await open_vault(settings, engine)
    keys.write(file, SealedKey.generate())
    with pytest.raises(SealedKeyUnusable, match="not the one"):
        await open_vault(settings, engine)
    file.unlink()
    keys.write(file, kept)
    await open_vault(settings, engine)
    file.chmod(0o640)
    with pytest.raises(SealedKeyUnusable, match="chmod 600"):
        await open_vault(settings, engine)


def test_an_escrow_opens_with_its_passphrase_alone() -> None:
    key = SealedKey.generate()
    written = write_escrow(key, PASSPHRASE, cost=QUICK)
    assert key.secret().hex() not in written.replace(" ", "")
    assert read_escrow(written, PASSPHRASE).secret() == key.secret()
    typed_in = "\n\n".join(
        line.replace(" ", "  ") if "box" in line else line for line in written.splitlines()
    )
    assert read_escrow(typed_in, PASSPHRASE).secret() == key.secret()
    with pytest.raises(WrongPassphrase):
        read_escrow(written, PASSPHRASE + "x")
    last = written.rstrip()[-1]
    with pytest.raises(WrongPassphrase):
        read_escrow(written.rstrip()[:-1] + ("0" if last != "0" else "1"), PASSPHRASE)
    for broken in ("", "luochui sealed escrow 1\n", written.replace("cost 10", "cost 40")):
        with pytest.raises(KeyFault):
            read_escrow(broken, PASSPHRASE)
    with pytest.raises(ShortPassphrase):
        write_escrow(key, "short", cost=QUICK)


def test_a_key_does_not_print_itself() -> None:
    key = SealedKey.generate()
    assert key.secret().hex() not in f"{key!r} {key} {key.mark}"


async def command(settings: Settings, *arguments: str, said: str = PASSPHRASE) -> Result:
    """In a thread: the command runs a loop of its own."""
    runner = CliRunner(env=settings.environment())
    return await asyncio.to_thread(runner.invoke, sealed_app, arguments, input=f"{said}\n")


async def test_the_escrow_brings_a_lost_key_back(
    settings: Settings, engine: AsyncEngine, people: tuple[int, int], tmp_path: Path
) -> None:
    vault = await open_vault(settings, engine)
    registration = await vault.register(people[0], "L-1")
    paper = tmp_path / "escrow.txt"
    assert (await command(settings, "escrow", str(paper))).exit_code == 0
    assert stat.S_IMODE(paper.stat().st_mode) == 0o600
    key_file(settings).unlink()
    lost = await command(settings, "check")
    assert isinstance(lost.exception, SystemExit)
    assert lost.exit_code == 1
    with psycopg.connect(settings.required_database_url()) as connection:
        assert "luochui sealed restore" in sealed_key.said(connection, settings)[0]
    wrong = await command(settings, "restore", str(paper), said="another passphrase")
    assert (wrong.exit_code, key_file(settings).exists()) == (1, False)
    back = await command(settings, "restore", str(paper))
    assert back.exit_code == 0, back.output
    found = await command(settings, "check", str(paper))
    assert (found.exit_code, "opened" in found.output) == (0, True), found.output
    with psycopg.connect(settings.required_database_url()) as connection:
        assert "opens what was sealed" in sealed_key.said(connection, settings)[0]
    again = await open_vault(settings, engine)
    assert await again.account_for_delivery(registration) == people[0]


async def test_an_escrow_for_an_sm2_key_is_opened_by_its_holder_alone(
    settings: Settings, engine: AsyncEngine, tmp_path: Path
) -> None:
    await open_vault(settings, engine)
    secret, mark = keys.load(key_file(settings)).secret(), keys.load(key_file(settings)).mark
    holder, other = PrivateKey.generate(), PrivateKey.generate()
    public, private, others = (tmp_path / name for name in ("to.pem", "holder.pem", "other.pem"))
    public.write_bytes(holder.public_key.to_pem())
    private.write_bytes(holder.to_pem(b"the holder's own words"))
    others.write_bytes(other.to_pem())
    paper, wrong = tmp_path / "escrow.txt", tmp_path / "wrong.txt"
    written = await command(settings, "escrow", str(paper), "--to", str(public))
    assert written.exit_code == 0, written.output
    assert secret.hex() not in paper.read_text().replace(" ", "")
    key_file(settings).unlink()
    for arguments, said in (
        (("restore", str(paper)), ""),
        (("restore", str(paper), "--key", str(others)), ""),
        (("restore", str(paper), "--key", str(private)), "not the holder's words"),
        (("restore", str(paper), "--key", str(public)), ""),
    ):
        assert (await command(settings, *arguments, said=said)).exit_code == 1, arguments
    text_ = paper.read_text()
    wrong.write_text(text_.rstrip()[:-1] + ("0" if text_.rstrip()[-1] != "0" else "1"))
    given = ("--key", str(private))
    assert (
        await command(settings, "restore", str(wrong), *given, said="the holder's own words")
    ).exit_code == 1
    assert not key_file(settings).exists()
    back = await command(settings, "restore", str(paper), *given, said="the holder's own words")
    assert back.exit_code == 0, back.output
    assert keys.load(key_file(settings)).secret() == secret
    found = await command(settings, "check", str(paper), *given, said="the holder's own words")
    assert (found.exit_code, mark in found.output) == (0, True)
    assert (await command(settings, "escrow", str(tmp_path / "x"), "--to", str(paper))).exit_code == 1


async def test_the_doctor_sees_a_key_that_is_missing_open_or_not_written_down(
    settings: Settings, engine: AsyncEngine, tmp_path: Path
) -> None:
    def levels() -> dict[str, Level]:
        return {finding.subject: finding.level for finding in sealed_key.sealed_key(settings)}

    assert levels() == {"sealed key": Level.NOTE}
    await open_vault(settings, engine)
    assert levels() == {"sealed key": Level.GOOD, "escrow": Level.BAD}
    assert (await command(settings, "escrow", str(tmp_path / "escrow.txt"))).exit_code == 0
    assert levels() == {"sealed key": Level.GOOD, "escrow": Level.GOOD}
    file = key_file(settings)
    file.chmod(0o644)
    assert levels() == {"sealed key": Level.BAD}
    file.unlink()
    assert levels() == {"sealed key": Level.BAD}
    keys.write(file, SealedKey.generate())
    assert levels() == {"sealed key": Level.BAD}


# ── the process ─────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(
        [sys.executable, "-m", "luochui", "run", "sealed"],
        env={**os.environ, **settings.environment(), "LUOCHUI_LOG_FORMAT": "json"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        started.wait()


async def test_a_killed_process_begins_anew_and_loses_nothing(
    settings: Settings, people: tuple[int, int]
) -> None:
    client = asking(settings)

    async def answers() -> bool:
        try:
            await client.registration_of(people[0], "L-1")
        except SealedAway:
            return False
        return True

    registrations = []
    for sent in (signal.SIGKILL, signal.SIGTERM):
        with process(settings) as running:
            await until(answers)
            registrations.append(await client.register(people[0], "L-1"))
            with process(settings) as second:
                assert await asyncio.to_thread(second.wait, 60) != 0
            running.send_signal(sent)
            said, _ = await asyncio.to_thread(running.communicate, None, 60)
            for line in said.decode().splitlines():
                assert "bidder1" not in line
                assert "L-1" not in line
                json.loads(line)
    assert registrations[0] == registrations[1]
    assert not socket_of(settings).exists()
    await client.close()


def test_a_long_data_folder_has_its_socket_elsewhere(tmp_path: Path) -> None:
    deep = Settings(data=tmp_path / ("x" * 90) / ("y" * 90))
    assert len(os.fsencode(socket_of(deep))) <= 100
    assert socket_of(deep) != socket_of(Settings(data=tmp_path / ("x" * 90) / ("z" * 90)))
