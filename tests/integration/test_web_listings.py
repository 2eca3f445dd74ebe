"""A transferor's way from the first field to the announcement, and what administrators do with it."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from office.accounts import Role
from tests.listingkit import (
    BASICS,
    DESCRIPTION,
    PRICES,
    a_draft,
    a_full_draft,
    a_pdf,
    a_picture,
    announced,
    save,
    travelling,
    upload,
    version_of,
)
from tests.tradingkit import MutableClock
from tests.webkit import Visitor, Web, put_on_soon, web_on
from trading.lifecycle.performing import Listings
from trading.lifecycle.states import LotState
from trading.listings.file_kinds import FileKind
from trading.listings.files import ListingFiles
from trading.working_days import BEIJING
from web.listings.routes import PAGES as LISTINGS
from web.listings.words import local_input


@pytest.fixture
async def web(database: str, valkey: str) -> AsyncIterator[Web]:
    async with web_on(database, valkey) as web:
        yield web


@pytest.fixture
async def clock(web: Web) -> MutableClock:
    return await travelling(web)


@pytest.fixture
async def owner(web: Web, clock: MutableClock) -> Visitor:
    return await web.signed_in("owner", Role.TRANSFEROR, "湘西州机关事务局")


@pytest.fixture
async def administrator(web: Web, clock: MutableClock) -> Visitor:
    return await web.signed_in("admin", Role.ADMINISTRATOR, "管理员甲")


async def state_of(web: Web, lot: str) -> LotState:
    listing = await Listings(web.site.engine).get(lot)
    assert listing is not None
    return listing.state


async def test_from_the_first_field_to_the_announcement(
    web: Web, owner: Visitor, administrator: Visitor
) -> None:
    lot = await a_full_draft(owner)
    mine = await owner.get(f"/my/assets/{lot}")
    assert "提交审核" in mine.text
    assert "还没有" not in mine.text
    answer = await owner.post_and_follow(f"/my/assets/{lot}/submit")
    assert "已提交审核" in answer.text
    assert await state_of(web, lot) is LotState.SUBMITTED
    review = await administrator.get(f"/administration/listings/{lot}")
    assert "公告期 10 个工作日" in review.text
    answer = await administrator.post_and_follow(f"/administration/listings/{lot}/publish")
    assert "公告已发布" in answer.text
    assert await state_of(web, lot) is LotState.ANNOUNCED
    public = await web.visitor().get(f"/announcements/{lot}")
    assert public.status_code == 200
    for words in (
        "吉首市人民路 12 号一楼门面",
        "重大事项披露",
        "平面图.pdf",
        "登录后报名",
        "湘西州机关事务局",
    ):
        assert words in public.text
    assert "评估报告.pdf" not in public.text
    assert "会议纪要" not in public.text
    async with web.site.engine.connect() as connection:
        acts = await connection.execute(
            text("SELECT DISTINCT act FROM audit_entries WHERE subject = :lot"), {"lot": lot}
        )
        assert set(acts.scalars()) == {
            *("lot.enter", "lot.save", "lot.add_file", "lot.submit", "lot.announce"),
        }


async def test_every_page_of_a_listing_opens(web: Web, owner: Visitor, administrator: Visitor) -> None:
    lot = await announced(owner, administrator)
    for path in ("/my/assets", f"/my/assets/{lot}", f"/my/assets/{lot}/preview", "/my/assets/new"):
        assert (await owner.get(path)).status_code == 200, path
    for path in (
        "/administration/listings",
        f"/administration/listings/{lot}",
        f"/administration/listings/{lot}/correct",
        "/administration/openings",
        "/administration/openings?month=2026-03",
    ):
        assert (await administrator.get(path)).status_code == 200, path
    for path in ("/announcements", "/", "/open-data", f"/announcements/{lot}"):
        page = await web.visitor().get(path)
        assert page.status_code == 200, path
        if path != "/open-data":
            assert "吉首市人民路 12 号一楼门面" in page.text, path


async def test_another_transferors_asset_does_not_exist(
    web: Web, owner: Visitor, administrator: Visitor
) -> None:
    lot = await a_full_draft(owner)
    other = await web.signed_in("other", Role.TRANSFEROR, "别家单位")
    pages = [page for page in LISTINGS if page.path.startswith("/my/assets/{lot}")]
    assert len(pages) > 10
    for page in pages:
        path = page.path.replace("{lot}", lot).replace("{step}", "details")
        path = path.replace("{file}", "1").replace("{request}", "1")
        if page.method == "GET":
            answer = await other.get(path)
        else:
            answer = await other.post(path, {"kind": "withdraw", "reason": "x", "version": "1"})
        assert answer.status_code == 404, (page.method, path)
    assert "人民路" not in (await other.get("/my/assets")).text
    assert await state_of(web, lot) is LotState.DRAFT
    assert (await administrator.get(f"/administration/listings/{lot}")).status_code == 404
    assert (await administrator.get(f"/administration/listings/{lot}/files/1")).status_code == 404
    assert lot not in (await administrator.get("/administration/listings")).text
    for path in (f"/announcements/{lot}", f"/announcements/{lot}/files/1", f"/announcements/{lot}/1.pdf"):
        assert (await other.get(path)).status_code == 404, path
    assert (await owner.get(f"/announcements/{lot}")).headers["location"] == f"/my/assets/{lot}"
    review = f"/administration/listings/{lot}"
    assert (await administrator.get(f"/announcements/{lot}")).headers["location"] == review


async def test_private_files_stay_private(web: Web, owner: Visitor, administrator: Visitor) -> None:
    lot = await announced(owner, administrator)
    regulator = await web.signed_in("regulator", Role.REGULATOR)
    bidder = await web.signed_in("bidder", Role.BIDDER)
    files = await ListingFiles(web.site.engine, web.site.files).of(lot)
    for file in files:
        public = await bidder.get(f"/announcements/{lot}/files/{file.id}")
        assert public.status_code == (200 if file.public else 404), file
        assert (await owner.get(f"/my/assets/{lot}/files/{file.id}")).status_code == 200
        for overseer in (administrator, regulator):
            seen = await overseer.get(f"/administration/listings/{lot}/files/{file.id}")
            assert seen.status_code == 200
            assert "no-store" in seen.headers["cache-control"]
        assert (await bidder.get(f"/administration/listings/{lot}/files/{file.id}")).status_code == 403
    picture = next(file for file in files if file.kind is FileKind.PICTURE)
    shown = await web.visitor().get(f"/announcements/{lot}/files/{picture.id}")
    assert shown.headers["content-type"] == "image/jpeg"
    assert "set-cookie" not in shown.headers, "what caches keep carries nobody's cookie"
    again = await web.visitor().get(
        f"/announcements/{lot}/files/{picture.id}", headers={"if-none-match": shown.headers["etag"]}
    )
    assert again.status_code == 304
    paper = next(file for file in files if file.kind is FileKind.ATTACHMENT)
    saved = await web.visitor().get(f"/announcements/{lot}/files/{paper.id}")
    assert saved.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")


async def test_a_stale_form_overwrites_nothing_and_loses_nothing(web: Web, owner: Visitor) -> None:
    lot = await a_draft(owner)
    version = await version_of(owner, lot)
    first = await owner.post(
        f"/my/assets/{lot}/steps/details", {**DESCRIPTION, "overview": "第一个窗口", "version": version}
    )
    assert first.status_code == 303
    second = await owner.post(
        f"/my/assets/{lot}/steps/details", {**DESCRIPTION, "overview": "第二个窗口", "version": version}
    )
    assert second.status_code == 409
    assert "第二个窗口" in second.text
    assert "刚才在别处改过" in second.text
    listing = await Listings(web.site.engine).get(lot)
    assert listing is not None
    assert listing.overview == "第一个窗口"


async def test_two_clicks_do_one_thing(web: Web, owner: Visitor, administrator: Visitor) -> None:
    page = await owner.get("/my/assets/new")
    once = page.text.split('name="once" value="')[1].split('"')[0]
    for _ in range(2):
        assert (await owner.post("/my/assets/new", {**BASICS, "once": once})).status_code == 303
    assert (await owner.get("/my/assets")).text.count(
        "XX-SW-2026-"
    ) == 2  # one row: its address and its number
    lot = await a_full_draft(owner)
    version = await version_of(owner, lot)
    first = await owner.post_and_follow(f"/my/assets/{lot}/submit", {"version": version})
    assert "已提交审核" in first.text
    second = await owner.post_and_follow(f"/my/assets/{lot}/submit", {"version": version})
    assert "刚才有变化" in second.text
    publish = f"/administration/listings/{lot}/publish"
    assert "公告已发布" in (await administrator.post_and_follow(publish)).text
    assert "可能已经办过" in (await administrator.post_and_follow(publish)).text
    assert len(await Listings(web.site.engine).announcements_of(lot)) == 1


async def test_what_is_missing_keeps_a_draft_from_being_submitted(web: Web, owner: Visitor) -> None:
    lot = await a_draft(owner)
    page = await owner.get(f"/my/assets/{lot}")
    assert "“资产情况”这一步还没有保存" in page.text
    assert "还没有上传决策文件" in page.text
    answer = await owner.post_and_follow(f"/my/assets/{lot}/submit")
    assert "还不能提交" in answer.text
    assert await state_of(web, lot) is LotState.DRAFT


async def test_the_longest_texts_are_taken(web: Web, owner: Visitor) -> None:
    lot = await a_draft(owner)
    longest = dict.fromkeys(("overview", "disclosures", "conditions"), "长" * 20_000)
    assert (await save(owner, lot, "details", {**DESCRIPTION, **longest})).status_code == 303
    longer = {**DESCRIPTION, "overview": "长" * 20_001}
    assert "最多 20000 个字" in (await save(owner, lot, "details", longer)).text


async def test_a_form_with_faults_names_them_all_and_keeps_what_was_typed(owner: Visitor) -> None:
    answer = await owner.post("/my/assets/new", {"title": "只有名称", "starting_price": "很贵"})
    assert answer.status_code == 422
    assert 'value="只有名称"' in answer.text
    for words in ("所在地：这一项必须填写。", "起始价：请填写金额", "资产类别：这一项必须填写。"):
        assert words in answer.text
    lot = await a_draft(owner)
    wrong = await save(owner, lot, "details", {**DESCRIPTION, "d_area": "很大", "d_telephone": "没有"})
    assert wrong.status_code == 422
    assert "建筑面积：请填写数字。" in wrong.text
    assert "咨询电话：请填写电话号码" in wrong.text


async def test_a_wrong_file_is_refused_in_words(owner: Visitor) -> None:
    lot = await a_draft(owner)
    answer = await upload(owner, lot, "picture", "照片.jpg", b"MZ" + b"\0" * 100)
    assert answer.status_code == 303
    assert (
        "这种文件不能上传。可以上传：JPG、PNG、WEBP。" in (await owner.get(answer.headers["location"])).text
    )
    assert (await upload(owner, lot, "picture", "a.jpg", a_picture())).status_code == 303
    again = await upload(owner, lot, "picture", "b.jpg", a_picture())
    assert "已经上传过" in (await owner.get(again.headers["location"])).text
    assert (await upload(owner, lot, "priority_proof", "a.pdf", a_pdf())).status_code == 400
    file = (await pictures_of(owner, lot))[0]
    gone = await owner.post_and_follow(f"/my/assets/{lot}/files/{file}/remove")
    assert "文件已删除" in gone.text
    assert not await pictures_of(owner, lot)


async def pictures_of(owner: Visitor, lot: str) -> list[str]:
    page = (await owner.get(f"/my/assets/{lot}/steps/files")).text
    return re.findall(rf"/my/assets/{lot}/thumbnails/(\d+)", page)


async def test_returned_with_a_reason_corrected_and_submitted_again(
    web: Web, owner: Visitor, administrator: Visitor
) -> None:
    lot = await a_full_draft(owner)
    await owner.post(f"/my/assets/{lot}/submit")
    frozen = await owner.get(f"/my/assets/{lot}/steps/details")
    assert frozen.status_code == 404
    empty = await administrator.post_and_follow(
        f"/administration/listings/{lot}/acts/return", {"reason": " "}
    )
    assert "请写明理由" in empty.text
    await administrator.post(f"/administration/listings/{lot}/acts/return", {"reason": "面积与证书不符"})
    mine = await owner.get(f"/my/assets/{lot}")
    assert "管理员退回了这份资产" in mine.text
    assert "面积与证书不符" in mine.text
    assert "修改后重新提交" in (await owner.get("/my/tasks")).text
    assert (await save(owner, lot, "details", {**DESCRIPTION, "d_area": "88.5"})).status_code == 303
    assert "已提交审核" in (await owner.post_and_follow(f"/my/assets/{lot}/submit")).text
    assert "审核公告" in (await administrator.get("/my/tasks")).text


async def test_dates_within_the_rules_may_be_chosen_and_others_not(
    web: Web, owner: Visitor, administrator: Visitor
) -> None:
    lot = await a_full_draft(owner)
    await owner.post(f"/my/assets/{lot}/submit")
    publish = f"/administration/listings/{lot}/publish"
    for form, words in (
        ({"registration_ends": "2026-03-05 17:00"}, "公告期不能短于规则"),
        ({"registration_ends": "bald"}, "报名截止：请按"),
        ({"registration_ends": "2031-03-05 17:00"}, "报名截止：应在"),
        ({"registration_ends": "2026-04-01 17:00", "opens_at": "2026-04-01 16:00"}, "公告期不能短于规则"),
    ):
        refused = await administrator.post_and_follow(publish, form)
        assert words in refused.text, form
    assert await state_of(web, lot) is LotState.SUBMITTED
    review = await administrator.get(f"/administration/listings/{lot}?starts=2026-03-03T09:00")
    assert 'value="2026-03-17T17:00"' in review.text
    form = {"registration_starts": "2026-03-03 09:00", "registration_ends": "2026-03-20 17:00"}
    await administrator.post(publish, {**form, "opens_at": "2026-03-21 09:30"})
    listing = await Listings(web.site.engine).get(lot)
    assert listing is not None
    assert listing.opens_at == datetime(2026, 3, 21, 1, 30, tzinfo=UTC)
    assert "报名还没有开始" in (await web.visitor().get(f"/announcements/{lot}")).text
    march = await administrator.get("/administration/openings?month=2026-03")
    assert "休息日" in march.text


async def test_a_date_over_an_unpublished_year_is_marked_provisional(
    web: Web, clock: MutableClock, owner: Visitor, administrator: Visitor
) -> None:
    clock.at = datetime(2035, 3, 2, 1, 0, tzinfo=UTC)
    lot = await announced(owner, administrator)
    assert "暂定" in (await web.visitor().get(f"/announcements/{lot}")).text
    assert "暂定" in (await administrator.get("/administration/openings?month=2035-03")).text


async def test_a_correction_says_what_changed_and_answers_who_asked(
    web: Web, owner: Visitor, administrator: Visitor
) -> None:
    lot = await announced(owner, administrator)
    asked = {"kind": "correct", "reason": "面积应为 88.5 平方米"}
    await owner.post(f"/my/assets/{lot}/requests", asked)
    twice = await owner.post_and_follow(f"/my/assets/{lot}/requests", asked)
    assert "同样的申请已经提交过" in twice.text
    assert "答复转让方的申请" in (await administrator.get("/my/tasks")).text
    page = (await administrator.get(f"/administration/listings/{lot}/correct")).text
    assert "面积应为 88.5 平方米" in page
    version = page.split('name="version" value="')[1].split('"')[0]
    form = {**BASICS, **DESCRIPTION, **PRICES, "d_area": "88.5", "version": version, "kind": "attachment"}
    form["deposit"] = "20万"  # people have paid it: it stays
    correct = f"/administration/listings/{lot}/correct"
    missing = await administrator.post(correct, form)
    assert missing.status_code == 422
    form["reason"] = "建筑面积更正为 88.5 平方米"
    done = await administrator.post(correct, form, files={"file": ("测绘.pdf", a_pdf(4), "x")})
    assert done.status_code == 303, done.text[:2000]
    announcements = await Listings(web.site.engine).announcements_of(lot)
    assert announcements[-1].facts["changed"] == ["details", "files"]
    public = await web.visitor().get(f"/announcements/{lot}")
    for words in ("更正公告", "建筑面积更正为 88.5 平方米", "测绘.pdf", "资产情况、附件和图片"):
        assert words in public.text, words
    assert "已同意" in (await owner.get(f"/my/assets/{lot}")).text
    stale = await administrator.post(correct, {**form, "overview": "慢了一步"})
    assert stale.status_code == 422
    assert "慢了一步" in stale.text
    assert len(await Listings(web.site.engine).announcements_of(lot)) == len(announcements)


async def test_a_saved_step_that_lacks_something_says_so_and_leads_to_its_field(
    web: Web, owner: Visitor
) -> None:
    lot = await a_full_draft(owner)
    assert "stepper__one--lacks" not in (await owner.get(f"/my/assets/{lot}")).text
    async with web.site.engine.begin() as connection:
        await connection.execute(
            text("UPDATE listings SET deposit = 1, disclosures = '' WHERE lot = :lot"), {"lot": lot}
        )
    for path in (f"/my/assets/{lot}", f"/my/assets/{lot}/steps/files"):
        assert (await owner.get(path)).text.count("stepper__one--lacks") == 2, path
    page = (await owner.get(f"/my/assets/{lot}")).text
    for place in ("steps/prices#field-deposit", "steps/details#field-disclosures"):
        assert place in page, place


async def test_a_room_that_is_not_there_yet_is_waited_for(
    web: Web, owner: Visitor, administrator: Visitor
) -> None:
    lot = await announced(owner, administrator)
    stranger = web.visitor()
    assert (await stranger.get(f"/lots/{lot}/room")).status_code == 404
    async with web.site.engine.begin() as connection:
        moved = text("UPDATE listings SET state = 'in_auction' WHERE lot = :lot")  # past the table: a test
        await connection.execute(moved, {"lot": lot})
    assert f"/lots/{lot}/room" in (await stranger.get(f"/announcements/{lot}")).text
    waiting = await stranger.get(f"/lots/{lot}/room")
    assert waiting.status_code == 200
    assert "竞价室正在准备" in waiting.text
    assert waiting.headers["refresh"] == "2"
    assert "no-store" in waiting.headers["cache-control"]
    await put_on_soon(web, lot)
    async with web.site.engine.begin() as connection:
        recorded = text("UPDATE lots SET seq = 1 WHERE id = :lot")  # as the ledger writer does
        await connection.execute(recorded, {"lot": lot})
    there = await stranger.get(f"/lots/{lot}/room")
    assert "data-room" in there.text
    assert "refresh" not in there.headers


async def test_two_openings_in_conflict_are_parted_by_a_correction(
    web: Web, owner: Visitor, administrator: Visitor
) -> None:
    first, second = await announced(owner, administrator), await announced(owner, administrator)
    listing = await Listings(web.site.engine).get(second)
    assert listing is not None
    assert listing.opens_at is not None
    month = f"/administration/openings?month={listing.opens_at.astimezone(BEIJING):%Y-%m}"
    calendar = (await administrator.get(month)).text
    assert calendar.count("冲突") >= 2
    assert f"/administration/listings/{second}/correct#field-opens_at" in calendar
    correct = f"/administration/listings/{second}/correct"
    page = (await administrator.get(correct)).text
    assert f'value="{local_input(listing.opens_at)}"' in page
    form = {
        **BASICS,
        **DESCRIPTION,
        **PRICES,
        "deposit": "20万",
        "kind": "attachment",
        "reason": "错开竞价时间",
    }
    form["version"] = page.split('name="version" value="')[1].split('"')[0]
    assert (await administrator.post(correct, {**form, "opens_at": "开始"})).status_code == 422
    moved = listing.opens_at + timedelta(hours=3)
    done = await administrator.post(correct, {**form, "opens_at": local_input(moved)})
    assert done.status_code == 303, done.text[:2000]
    now = await Listings(web.site.engine).get(second)
    assert now is not None
    assert now.opens_at == moved.replace(second=0, microsecond=0)
    assert "竞价开始时间" in (await web.visitor().get(f"/announcements/{second}")).text
    calendar = (await administrator.get(month)).text
    assert f"{first}/correct" not in calendar
    assert "冲突</span>" not in calendar


async def test_suspended_resumed_withdrawn_listed_again(
    web: Web, owner: Visitor, administrator: Visitor
) -> None:
    lot = await announced(owner, administrator)
    here = f"/administration/listings/{lot}"
    await owner.post(f"/my/assets/{lot}/requests", {"kind": "suspend", "reason": "有人主张权利"})
    await administrator.post(f"{here}/acts/suspend", {"reason": "核实权属"})
    public = (await web.visitor().get(f"/announcements/{lot}")).text
    assert "中止公告" in public
    assert "核实权属" in public
    assert "已同意" in (await owner.get(f"/my/assets/{lot}")).text
    await administrator.post(f"{here}/acts/resume", {"reason": "权属清楚"})
    assert await state_of(web, lot) is LotState.ANNOUNCED
    await owner.post(f"/my/assets/{lot}/requests", {"kind": "withdraw", "reason": "不卖了"})
    page = (await owner.get(f"/my/assets/{lot}")).text
    request = page.split("/requests/")[1].split("/")[0]
    back = await owner.post_and_follow(f"/my/assets/{lot}/requests/{request}/take-back")
    assert "申请已收回" in back.text
    late = await administrator.post_and_follow(f"{here}/requests/{request}/refuse", {"reason": "不行"})
    assert "可能已经办过" in late.text
    await owner.post(f"/my/assets/{lot}/requests", {"kind": "withdraw", "reason": "真的不卖了"})
    await administrator.post(f"{here}/acts/withdraw", {"reason": "转让方决定"})
    assert await state_of(web, lot) is LotState.WITHDRAWN
    again = [await owner.post(f"/my/assets/{lot}/relist") for _ in range(2)]
    lots = {answer.headers["location"].split("/")[3] for answer in again}
    assert len(lots) == 1, "a second click leads to the same draft"
    relisted = lots.pop()
    assert "平面图.pdf" in (await owner.get(f"/my/assets/{relisted}")).text
    low = {**PRICES, "valuation": "", "starting_price": "959,999.99", "deposit": "9万"}
    await save(owner, relisted, "prices", low)
    assert "不能低于 960,000.00 元" in (await owner.get(f"/my/assets/{relisted}")).text
    await save(owner, relisted, "prices", {**low, "starting_price": "96万"})
    assert "已提交审核" in (await owner.post_and_follow(f"/my/assets/{relisted}/submit")).text


async def test_regulators_read_and_change_nothing(web: Web, owner: Visitor, administrator: Visitor) -> None:
    lot = await announced(owner, administrator)
    regulator = await web.signed_in("regulator", Role.REGULATOR)
    page = await regulator.get(f"/administration/listings/{lot}")
    assert page.status_code == 200
    assert "评估报告.pdf" in page.text
    assert "中止交易" not in page.text
    for act in ("publish", "acts/suspend", "correct"):
        answer = await regulator.post(f"/administration/listings/{lot}/{act}", {"reason": "x"})
        assert answer.status_code == 403


async def test_an_announcement_is_printed_once_and_kept_by_caches(
    web: Web, owner: Visitor, administrator: Visitor
) -> None:
    lot = await announced(owner, administrator)
    number = (await Listings(web.site.engine).announcements_of(lot))[0].id
    printed = await web.visitor().get(f"/announcements/{lot}/{number}.pdf")
    assert printed.content.startswith(b"%PDF")
    assert printed.headers["content-type"] == "application/pdf"
    again = await web.visitor().get(
        f"/announcements/{lot}/{number}.pdf", headers={"if-none-match": printed.headers["etag"]}
    )
    assert again.status_code == 304
    for path in (f"/announcements/{lot}/{number + 1}.pdf", f"/announcements/{lot}/x.pdf"):
        assert (await web.visitor().get(path)).status_code == 404


async def test_a_thousand_assets_are_shown_a_page_at_a_time(
    web: Web, owner: Visitor, administrator: Visitor
) -> None:
    lot = await a_draft(owner)
    async with web.site.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO listings (lot, transferor_id, transferor, state, asset_class, method, title,"
                " place, starting_price, increment, deposit, profile_id, made_at, changed_at, announced_at,"
                " registration_starts, registration_ends, opens_at)"
                " SELECT 'M-' || n, transferor_id, transferor, 'announced', asset_class, method,"
                " '第' || n || '号门面', place, 100000 + n, 100, 10000, profile_id, made_at, changed_at,"
                " made_at, made_at, made_at + interval '30 days', made_at + interval '30 days'"
                " FROM listings, generate_series(1, 1100) AS n WHERE lot = :lot"
            ),
            {"lot": lot},
        )
    for visitor, path in (
        (owner, "/my/assets?page=999999"),
        (administrator, "/administration/listings?page=50"),
        (administrator, "/administration/openings?month=2026-04"),
        (web.visitor(), "/announcements?page=999999"),
        (web.visitor(), "/announcements?q=" + "长" * 500),
        (web.visitor(), "/announcements?page=-1&class=x&stage=y&order=z&price_from=abc&ends_to=1&q=%00"),
    ):
        page = await visitor.get(path)
        assert page.status_code == 200, path
        assert page.text.count('class="lot-list__item') <= 20, path
    whole = (await web.visitor().get("/announcements")).text
    assert "超过 1000 条" in whole
    found = (await web.visitor().get("/announcements?q=第77号门面&place=吉首&stage=open")).text
    assert "共 1 条。" in found
