"""Pages of rule profiles and working days: drafted by one, published by another, read by regulators."""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime

import pytest
import pytest_asyncio
from sqlalchemy import text

from bidding.lots import AssetClass
from office.accounts import Role
from office.versions import VersionState
from tests.tradingkit import MutableClock, a_clock, make_listing
from tests.webkit import Visitor, Web, web_on
from trading.lifecycle.states import LotState, SaleMethod
from trading.profiles.profile import FIELDS
from trading.profiles.store import Profiles, StoredProfile, defaults, ensure_defaults
from trading.working_days import WorkingDayStore
from web.listings import profile_words as words

HERE, DAYS = "/administration/profiles", "/administration/working-days"


@pytest.fixture
def clock() -> MutableClock:
    return a_clock()


@pytest_asyncio.fixture
async def web(database: str, valkey: str, clock: MutableClock) -> AsyncIterator[Web]:
    async with web_on(database, valkey, clock=clock) as made:
        async with made.site.engine.begin() as connection:
            await ensure_defaults(connection, clock())
        yield made


@pytest_asyncio.fixture
async def one(web: Web) -> Visitor:
    return await web.signed_in("admin-one", Role.ADMINISTRATOR, "管理员甲")


@pytest_asyncio.fixture
async def two(web: Web) -> Visitor:
    return await web.signed_in("admin-two", Role.ADMINISTRATOR, "管理员乙")


async def in_force(web: Web) -> StoredProfile:
    found = await Profiles(web.site.engine).published(AssetClass.PHYSICAL, SaleMethod.COMPETITIVE_BIDDING)
    assert found is not None
    return found


async def begin(web: Web, visitor: Visitor) -> int:
    """Begin a draft; its number."""
    answer = await visitor.post(f"{HERE}/{(await in_force(web)).id}/draft")
    found = re.fullmatch(rf"{HERE}/(\d+)/edit", answer.headers["location"])
    assert found
    return int(found[1])


async def form_of(visitor: Visitor, draft: int, **changes: str) -> dict[str, str]:
    """What the form of a draft sends."""
    page = (await visitor.get(f"{HERE}/{draft}/edit")).text
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen
    rules = defaults()[AssetClass.PHYSICAL, SaleMethod.COMPETITIVE_BIDDING].as_json()
    return {"seen": seen[1], **{name: words.typed(name, value) for name, value in rules.items()}, **changes}


def facts(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


# ── words ──


def test_every_field_has_its_place_and_its_words() -> None:
    shown = [name for _, names in words.GROUPS for name in names]
    assert sorted(shown) == sorted(FIELDS)
    assert len(set(shown)) == len(shown)


@pytest.mark.parametrize("rules", defaults().values())
def test_what_a_form_shows_is_read_back(rules: object) -> None:
    fields = rules.as_json()  # type: ignore[attr-defined]
    form = {name: words.typed(name, value) for name, value in fields.items()}
    assert words.read(form) == fields


@pytest.mark.parametrize(
    ("name", "typed", "read"),
    [
        ("window_ms", "240", 240_000),
        ("window_ms", "1.5", 1500),
        ("window_ms", "1.2345", "1.2345"),
        ("deposit_share_min", "5.5", 55),
        ("deposit_share_min", "５％", 50),
        ("deposit_share_min", "5.55", "5.55"),
        ("day_ends_minute", "17:00", 1020),
        ("day_ends_minute", "17:60", "17:60"),
        ("refund_working_days", " 5 ", 5),
        ("refund_working_days", "five", "five"),
        ("refund_working_days", "", ""),
        ("max_steps", "1,000", 1000),
    ],
)
def test_numbers_are_read_in_the_units_of_the_page(name: str, typed: str, read: object) -> None:
    assert words.read({name: typed})[name] == read


# ── profiles ──


async def test_one_drafts_and_another_publishes(
    web: Web, one: Visitor, two: Visitor, clock: MutableClock
) -> None:
    old = await in_force(web)
    draft = await begin(web, one)
    saved = await one.post(f"{HERE}/{draft}/edit", await form_of(one, draft, extension_working_days="9"))
    page = await one.get(saved.headers["location"])
    assert "7 个工作日" in page.text
    assert "9 个工作日" in page.text
    assert f'action="{HERE}/{draft}/publish"' not in page.text
    made_at = await _seen(one, draft)
    assert "自己改过的草稿不能自己发布" in (await _publish(one, draft, made_at)).text
    assert (await in_force(web)).id == old.id
    assert f'action="{HERE}/{draft}/publish"' in (await two.get(f"{HERE}/{draft}")).text
    assert "已发布" in (await _publish(two, draft, made_at)).text
    new = await in_force(web)
    assert (new.id, new.version, new.rules.extension_working_days) == (draft, 2, 9)
    kept = await Profiles(web.site.engine).get(old.id)
    assert kept is not None
    assert kept.state is VersionState.RETIRED
    assert "管理员甲" in (await two.get(f"{HERE}/{draft}")).text


async def _seen(visitor: Visitor, draft: int) -> str:
    page = (await visitor.get(f"{HERE}/{draft}/edit")).text
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found
    return found[1]


async def _publish(visitor: Visitor, draft: int, seen: str):  # type: ignore[no-untyped-def]
    return await visitor.post_and_follow(f"{HERE}/{draft}/publish", {"seen": seen})


async def test_every_fault_is_said_at_once_and_nothing_typed_is_lost(web: Web, one: Visitor) -> None:
    draft = await begin(web, one)
    wrong = {"extension_working_days": "九", "window_ms": "0.01", "retention_years": "9", "on_one": "maybe"}
    answer = await one.post(f"{HERE}/{draft}/edit", await form_of(one, draft, **wrong))
    said = facts(answer.text)
    assert answer.status_code == 422
    assert "延期多久：请填写 0 到 60 之间的数。" in said
    assert "限时竞价：请填写 0.1 到 86400 之间的数。" in said
    assert "档案保存几年：请填写 10 到 100 之间的数。" in said
    assert "公告期满有人报名但不够：请从选项中选择一项。" in said
    assert 'value="九"' in answer.text
    unchanged = await Profiles(web.site.engine).get(draft)
    assert unchanged is not None
    assert unchanged.rules == (await in_force(web)).rules


async def test_what_does_not_go_together_is_said(web: Web, one: Visitor) -> None:
    draft = await begin(web, one)
    answer = await one.post(f"{HERE}/{draft}/edit", await form_of(one, draft, most_extensions="0"))
    assert "选了延期，就要允许至少延期一次" in answer.text


async def test_a_draft_that_somebody_else_changed_is_shown_again(
    web: Web, one: Visitor, two: Visitor, clock: MutableClock
) -> None:
    draft = await begin(web, one)
    stale = await form_of(one, draft, refund_working_days="8")
    clock.advance(minutes=1)
    await two.post(f"{HERE}/{draft}/edit", await form_of(two, draft, refund_working_days="6"))
    assert "刚刚被别人改过" in (await one.post_and_follow(f"{HERE}/{draft}/edit", stale)).text
    assert "刚刚被别人改过" in (await _publish(one, draft, stale["seen"])).text
    kept = await Profiles(web.site.engine).get(draft)
    assert kept is not None
    assert kept.rules.refund_working_days == 6


async def test_there_is_one_draft_at_a_time_and_it_can_be_discarded(
    web: Web, one: Visitor, two: Visitor
) -> None:
    draft = await begin(web, one)
    again = await two.post_and_follow(f"{HERE}/{(await in_force(web)).id}/draft")
    assert "已经有一份草稿" in again.text
    assert "草稿已删除" in (await two.post_and_follow(f"{HERE}/{draft}/discard")).text
    assert (await two.get(f"{HERE}/{draft}")).status_code == 404
    assert (await two.post(f"{HERE}/{draft}/discard")).status_code == 404


async def test_a_published_version_is_changed_by_nobody(web: Web, one: Visitor) -> None:
    published = (await in_force(web)).id
    for path in ("publish", "discard"):
        answer = await one.post(f"{HERE}/{published}/{path}", {"seen": "2026-03-02T01:00:00+00:00"})
        assert answer.headers["location"] == HERE
    assert (await one.get(f"{HERE}/{published}/edit")).headers["location"] == f"{HERE}/{published}"
    assert (await one.post(f"{HERE}/{published}/publish", {"seen": "?"})).status_code == 400
    assert (await in_force(web)).id == published


async def test_any_two_versions_are_compared(web: Web, one: Visitor, two: Visitor) -> None:
    first = await in_force(web)
    for days in ("8", "9"):
        draft = await begin(web, one)
        await one.post(f"{HERE}/{draft}/edit", await form_of(one, draft, extension_working_days=days))
        await _publish(two, draft, await _seen(two, draft))
    last = await in_force(web)
    page = facts((await one.get(f"{HERE}/{last.id}?with={first.id}")).text)
    assert "和第 1 版（已被替换）比较" in page
    assert "7 个工作日" in page


async def test_changes_are_in_the_audit_log(web: Web, one: Visitor, two: Visitor) -> None:
    draft = await begin(web, one)
    await one.post(f"{HERE}/{draft}/edit", await form_of(one, draft, extension_working_days="9"))
    await _publish(two, draft, await _seen(two, draft))
    found = text("SELECT act, subject FROM audit_entries WHERE act LIKE 'profile.%' ORDER BY id")
    async with web.site.engine.connect() as connection:
        rows = [tuple(row) for row in await connection.execute(found)]
    subject = "physical/competitive_bidding/2"
    assert rows == [("profile.draft", subject), ("profile.save", subject), ("profile.publish", subject)]


async def test_regulators_read_and_change_nothing(web: Web, one: Visitor) -> None:
    regulator = await web.signed_in("regulator", Role.REGULATOR)
    draft = await begin(web, one)
    page = await regulator.get(f"{HERE}/{draft}")
    assert page.status_code == 200
    assert "编辑草稿" not in page.text
    assert (await regulator.get(f"{HERE}/{draft}/edit")).status_code == 403
    assert (await regulator.post(f"{HERE}/{draft}/discard")).status_code == 403
    assert "改一天或者几天" not in (await regulator.get(DAYS)).text


async def test_every_page_speaks_english(web: Web) -> None:
    visitor = await web.signed_in("admin-three", Role.ADMINISTRATOR)
    visitor.client.headers["accept-language"] = "en"
    draft = await begin(web, visitor)
    for path in (HERE, f"{HERE}/{draft}", f"{HERE}/{draft}/edit", DAYS):
        page = await visitor.get(path)
        body = re.sub(r'(?s)lang="zh-CN".*?</|管理员|<header.*?</header>', "", page.text)
        assert page.status_code == 200
        assert not re.findall(r"[一-鿿]+", facts(body)), path


async def test_there_is_no_such_version(one: Visitor) -> None:
    for name in ("0", "999999", "x", "1e3", "99999999999"):
        assert (await one.get(f"{HERE}/{name}")).status_code == 404


# ── working days ──


def sent(**changes: str) -> Mapping[str, str]:
    return {"day": "2026-03-10", "works": "0", "reason": "临时放假", **changes}


async def test_a_day_is_set_and_unset(web: Web, one: Visitor) -> None:
    page = await one.post_and_follow(DAYS, sent())
    assert "2026-03-10 已改为休息。" in page.text
    assert "临时放假" in page.text
    days = await WorkingDayStore(web.site.engine).calendar()
    assert days.is_working(date(2026, 3, 10)) is False
    again = await one.post_and_follow(DAYS, sent(works="1", reason="照常上班"))
    assert "照常上班" in again.text
    undone = await one.post_and_follow(f"{DAYS}/unset", {"day": "2026-03-10"})
    assert "已恢复为国家规定的安排" in undone.text
    assert "没有另外的说明" in (await one.post_and_follow(f"{DAYS}/unset", {"day": "2026-03-10"})).text
    assert (await WorkingDayStore(web.site.engine).calendar()).overrides == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"day": ""}, "请选择 2004 年到 2031 年之间的一天。"),
        ({"day": "2026-02-30"}, "请选择 2004 年到 2031 年之间的一天。"),
        ({"day": "1999-01-01"}, "请选择 2004 年到 2031 年之间的一天。"),
        ({"until": "2026-03-09"}, "请选择同一天或者以后的一天"),
        ({"until": "2027-03-11"}, "请选择同一天或者以后的一天"),
        ({"until": "soon"}, "请选择同一天或者以后的一天"),
        ({"works": ""}, "请选择上班或休息。"),
        ({"reason": "  "}, "请写明理由"),
        ({"reason": "长" * 201}, "请写明理由"),
    ],
)
async def test_a_wrong_form_is_shown_again(
    web: Web, one: Visitor, changes: Mapping[str, str], said: str
) -> None:
    answer = await one.post(DAYS, sent(**changes))
    assert answer.status_code == 422
    assert said in answer.text
    assert (await WorkingDayStore(web.site.engine).calendar()).overrides == {}


async def test_a_whole_year_is_said_at_once(web: Web, one: Visitor) -> None:
    year = {"day": "2027-01-01", "until": "2027-12-31", "works": "week", "reason": "2027 年放假通知"}
    page = await one.post_and_follow(DAYS, year)
    assert "从 2027-01-01 起的 365 天已保存。" in page.text
    assert "共 365 天" in page.text
    await one.post_and_follow(DAYS, sent(day="2027-02-05", until="2027-02-12"))
    days = await WorkingDayStore(web.site.engine).calendar()
    assert days.is_working(date(2027, 2, 4)) is True
    assert days.is_working(date(2027, 2, 5)) is days.is_working(date(2027, 2, 12)) is False
    assert days.is_working(date(2027, 2, 13)) is False, "a Saturday"
    assert not days.add(date(2027, 1, 4), 30).provisional


async def test_the_year_shows_what_is_remarkable(one: Visitor) -> None:
    page = (await one.get(f"{DAYS}?year=2025")).text
    assert page.count('class="month"') == 12
    assert len(re.findall(r'<span class="day__mark">休</span>', page)) > 10
    assert len(re.findall(r'<span class="day__mark">班</span>', page)) >= 5
    assert "还没有公布" in (await one.get(f"{DAYS}?year=2030")).text
    for odd in ("1900", "99999", "x", ""):
        assert "2026 年" in (await one.get(f"{DAYS}?year={odd}")).text


# ── tasks ──


async def test_the_other_administrator_finds_the_draft_among_the_tasks(
    web: Web, one: Visitor, two: Visitor
) -> None:
    draft = await begin(web, one)
    assert f'href="{HERE}/{draft}"' not in (await one.get("/my/tasks")).text
    page = (await two.get("/my/tasks")).text
    assert f'href="{HERE}/{draft}"' in page
    assert "核对并发布交易规则草稿（第 2 版）" in page


async def test_unknown_days_are_a_task_once_their_date_has_come(
    web: Web, one: Visitor, clock: MutableClock
) -> None:
    clock.reach(datetime(2026, 12, 21, 1, 0, tzinfo=UTC))
    listing = await make_listing(web.site.engine, LotState.ANNOUNCED, clock=clock)
    assert "哪些天上班" not in (await one.get("/my/tasks")).text
    clock.reach(listing.due_at)
    page = (await one.get("/my/tasks")).text
    assert "请说明 2027 年哪些天上班" in page
    assert f'href="{DAYS}?year=2027"' in page
