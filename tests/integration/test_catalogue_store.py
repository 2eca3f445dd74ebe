"""The catalogue as it is kept: defaults, drafts that another publishes, versions that orders keep."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from certificates.catalogue.faults import CatalogueFaults
from certificates.catalogue.prices import quote
from certificates.catalogue.store import AUTHORITIES, REASONS, Catalogue, ensure_defaults, shipped
from office.accounts import Role
from office.database import create_engine
from office.versions import DraftChanged, DraftExists, NotADraft, OwnDraft, UnknownVersion, VersionState
from tests.channelkit import SMALL, case, shipped_channels
from tests.tradingkit import an_account

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ISSUE = case("issue", "O", product="organization")


async def start(engine: AsyncEngine) -> Catalogue:
    async with engine.begin() as connection:
        await ensure_defaults(connection, NOW)
    return Catalogue(engine)


async def people(engine: AsyncEngine) -> tuple[int, int]:
    return (
        await an_account(engine, Role.ADMINISTRATOR, login="one"),
        await an_account(engine, Role.ADMINISTRATOR, login="two"),
    )


async def published_id(catalogue: Catalogue, key: str) -> int:
    return next(
        one.id for one in await catalogue.versions() if one.key == key and one.state is VersionState.PUBLISHED
    )


async def test_what_the_program_ships_is_published_once(database: str) -> None:
    engine = create_engine(database)
    async with engine.begin() as connection:
        assert await ensure_defaults(connection, NOW) == len(shipped())
        assert await ensure_defaults(connection, LATER) == 0
    catalogue = Catalogue(engine)
    assert {one.key for one in await catalogue.channels()} == set(shipped_channels())
    assert len(await catalogue.authorities()) == 12
    assert await catalogue.published(AUTHORITIES) is None
    assert await catalogue.published("nowhere") is None
    await engine.dispose()


async def test_a_new_channel_is_a_new_data_file(database: str, tmp_path: Path) -> None:
    """Nothing but a file: it is offered, priced and told of like every other."""
    engine = create_engine(database)
    await start(engine)
    tmp_path.joinpath("new_channel.toml").write_text(SMALL, encoding="utf-8")
    async with engine.begin() as connection:
        assert await ensure_defaults(connection, NOW, tmp_path) == 1
    found = await Catalogue(engine).published("new_channel")
    assert found is not None
    assert quote(found.rules, case("issue", "N", product="person")).total == 100
    await engine.dispose()


async def test_a_draft_is_published_by_another_and_an_order_keeps_its_version(database: str) -> None:
    engine = create_engine(database)
    catalogue = await start(engine)
    one, two = await people(engine)
    old = await published_id(catalogue, "hunan_sanzi")
    draft = await catalogue.draft(old, one, NOW)
    with pytest.raises(DraftExists):
        await catalogue.draft(old, two, NOW)
    dearer = shipped()["hunan_sanzi"].replace("fen = 4000 ", "fen = 4500 ")
    saved = await catalogue.save(draft.id, dearer, one, LATER, seen=draft.made_at)
    with pytest.raises(DraftChanged):
        await catalogue.save(draft.id, dearer, two, LATER, seen=draft.made_at)
    with pytest.raises(OwnDraft):
        await catalogue.publish(draft.id, one, LATER)
    with pytest.raises(DraftChanged):
        await catalogue.publish(draft.id, two, LATER, seen=draft.made_at)
    done = await catalogue.publish(draft.id, two, LATER, seen=saved.made_at)
    assert (done.version, done.published_by, done.state) == (2, two, VersionState.PUBLISHED)
    for call in (catalogue.publish(draft.id, two, LATER), catalogue.discard(draft.id, two, LATER)):
        with pytest.raises(NotADraft):
            await call

    now = await catalogue.published("hunan_sanzi")
    before = await catalogue.by_id(old)
    assert now is not None
    assert before is not None
    assert (now.id, before.state) == (draft.id, VersionState.RETIRED)
    assert quote(now.rules, ISSUE).total == 4500
    assert quote(before.rules, ISSUE).total == 4000
    async with engine.connect() as connection:
        acts = await connection.execute(
            text("SELECT act, subject FROM audit_entries WHERE act LIKE 'catalogue.%' ORDER BY id")
        )
        assert [tuple(row) for row in acts] == [
            (f"catalogue.{what}", "hunan_sanzi/2") for what in ("draft", "save", "publish")
        ]
    await engine.dispose()


async def test_what_does_not_read_or_fit_is_not_kept(database: str) -> None:
    engine = create_engine(database)
    catalogue = await start(engine)
    one, two = await people(engine)
    draft = await catalogue.draft(await published_id(catalogue, "shenzhen_ca"), one, NOW)
    content = shipped()["shenzhen_ca"]
    for old, new, kind in (
        ('key = "shenzhen_ca"', 'key = "another"', "other_key"),
        ('["szca"]', '["nobody"]', "unknown_authority"),
        ("fen = 20000", "fen = -5", "greater_than_equal"),
    ):
        with pytest.raises(CatalogueFaults) as wrong:
            await catalogue.save(draft.id, content.replace(old, new, 1), one, NOW)
        assert kind in {fault.kind for fault in wrong.value.faults}
    kept = await catalogue.get(draft.id)
    assert kept is not None
    assert kept.content == content

    # an authority that a channel names can't go
    people_of = await catalogue.draft(await published_id(catalogue, AUTHORITIES), one, NOW)
    less = shipped()[AUTHORITIES].replace('key = "szca"', 'key = "other"')
    with pytest.raises(CatalogueFaults) as wrong:
        await catalogue.save(people_of.id, less, one, NOW)
    assert {(fault.kind, fault.facts["key"]) for fault in wrong.value.faults} == {("in_use", "szca")}

    # a reason of a channel that is not there
    reasons = await catalogue.draft(await published_id(catalogue, REASONS), one, NOW)
    reworded = shipped()[REASONS].replace('"hunan_sanzi"', '"nowhere"')
    with pytest.raises(CatalogueFaults) as wrong:
        await catalogue.save(reasons.id, reworded, one, NOW)
    assert {(fault.kind, fault.facts["key"]) for fault in wrong.value.faults} == {
        ("unknown_channel", "nowhere")
    }

    with pytest.raises(CatalogueFaults):
        await catalogue.add(content, one, NOW)  # there is such a channel
    with pytest.raises(UnknownVersion):
        await catalogue.draft(999_999, one, NOW)
    new = await catalogue.add(SMALL, one, NOW)
    assert await catalogue.published("new_channel") is None
    await catalogue.publish(new.id, two, NOW)
    assert await catalogue.published("new_channel") is not None
    await engine.dispose()


async def test_two_who_act_at_once_are_served_one_after_the_other(database: str) -> None:
    engine = create_engine(database)
    catalogue = await start(engine)
    one, two = await people(engine)
    base = await published_id(catalogue, "xiangxi")
    begun = await asyncio.gather(
        *(catalogue.draft(base, by, NOW) for by in (one, two) * 4), return_exceptions=True
    )
    (draft,) = (found for found in begun if not isinstance(found, BaseException))
    assert sum(isinstance(found, DraftExists) for found in begun) == 7
    other = two if draft.made_by == one else one
    content = shipped()["xiangxi"]
    done = await asyncio.gather(
        *(catalogue.publish(draft.id, other, NOW, seen=draft.made_at) for _ in range(3)),
        *(catalogue.save(draft.id, content, other, LATER, seen=draft.made_at) for _ in range(3)),
        return_exceptions=True,
    )
    refusals = [found for found in done if isinstance(found, BaseException)]
    assert len(refusals) == 5
    assert all(isinstance(found, NotADraft | DraftChanged | OwnDraft) for found in refusals)
    await engine.dispose()


async def test_the_database_itself_refuses_a_draft_that_publishes_itself(database: str) -> None:
    engine = create_engine(database)
    catalogue = await start(engine)
    one, _ = await people(engine)
    draft = await catalogue.draft(await published_id(catalogue, "xiangxi"), one, NOW)
    own = text(
        "UPDATE catalogue_versions SET published_by = :by, state = 'retired', published_at = :now"
        " WHERE id = :id"
    )
    with pytest.raises(IntegrityError):
        async with engine.begin() as connection:
            await connection.execute(own, {"by": one, "now": NOW, "id": draft.id})
    await engine.dispose()
