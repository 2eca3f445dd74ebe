"""Refunds: what is due, batches for the bank, what the bank confirms, what failed."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.banking.banks import banks
from office.banking.proposals import About, CannotDo
from trading.deposits import batch_files
from trading.deposits.batch_files import UnreadableConfirmation
from trading.deposits.by_hand import ByHand
from trading.deposits.refunds import (
    PAGE,
    ConfirmationFaults,
    Refunds,
    WrongState,
)
from trading.deposits.states import RefundState
from trading.working_days import day_of
from web.finance.proposing import proposals_on
from web.finance.rooms import by, download, number_in, pages_of, room, version_in
from web.finance.words import OBSTACLES
from web.languages import N_
from web.visits import Visit

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FAULTS_SHOWN = 50


async def index(visit: Visit) -> Response:
    refunds, asked, number = Refunds(visit.site.engine), visit.query("state"), visit.page()
    state = RefundState(asked) if asked in set(RefundState) else None
    found, count = await refunds.page(state, number)
    batches, _ = await refunds.batches(1)
    return room(
        visit,
        "refunds.html",
        found=found,
        state=state,
        number=number,
        pages=pages_of(count, PAGE),
        due=await refunds.due_by_bank(),
        batches=batches[:10],
        today=day_of(visit.site.clock()),
    )


async def make_batch(visit: Visit) -> Response:
    """All that is due at a bank; a second click finds nothing left."""
    bank = visit.form.get("bank", "")
    if bank not in banks():
        raise HTTPException(400)
    batch = await Refunds(visit.site.engine).make_batch(bank, by=by(visit), now=visit.site.clock())
    if batch is None:
        said = N_("这家银行没有可以办理的退款。缺收款账号的退款要先补上。")
        return visit.refused("/finance/refunds", visit.text(said))
    said = N_("批次已生成。请下载文件交银行办理，办完后上传银行回单。")
    return visit.done(f"/finance/batches/{batch}", visit.text(said))


async def batches(visit: Visit) -> Response:
    number = visit.page()
    found, count = await Refunds(visit.site.engine).batches(number)
    return room(visit, "batches.html", found=found, number=number, pages=pages_of(count, PAGE))


async def batch(visit: Visit) -> Response:
    return await _batch(visit)


async def _batch(visit: Visit, faults: list[str] | None = None) -> Response:
    found = await Refunds(visit.site.engine).batch(number_in(visit, "batch"))
    if found is None:
        raise HTTPException(404)
    head, items = found
    return room(visit, "batch.html", 422 if faults else 200, batch=head, items=items, faults=faults or [])


async def batch_file(visit: Visit) -> Response:
    """What the bank is to pay: CSV or XLSX; in the demonstration, also what its bank answers."""
    found = await Refunds(visit.site.engine).batch(number_in(visit, "batch"))
    kind = visit.param("kind")
    if found is None:
        raise HTTPException(404)
    head, items = found
    if kind == "csv":
        return download(batch_files.as_csv(items), f"{head.number}.csv", "text/csv; charset=utf-8")
    if kind == "xlsx":
        return download(batch_files.as_xlsx(head, items), f"{head.number}.xlsx", XLSX)
    if kind == "answer" and visit.site.settings.demo:
        name = f"{head.number}-answer.csv"
        return download(batch_files.confirmation_csv(items), name, "text/csv; charset=utf-8")
    raise HTTPException(404)


async def confirm(visit: Visit) -> Response:
    """The bank's answer to a batch. The same file again changes nothing."""
    id_ = number_in(visit, "batch")
    try:
        lines = batch_files.read_confirmation(visit.files.get("file", b""))
        outcome = await Refunds(visit.site.engine).confirm(id_, lines, by=by(visit), now=visit.site.clock())
    except UnreadableConfirmation as wrong:
        return await _batch(visit, [_fault(visit, each) for each in wrong.faults[:FAULTS_SHOWN]])
    except ConfirmationFaults as wrong:
        said = visit.text(N_("%(number)s：不在这个批次里，或金额不一致。"))
        return await _batch(visit, [said % {"number": each} for each in wrong.numbers[:FAULTS_SHOWN]])
    except LookupError as unknown:
        raise HTTPException(404) from unknown
    said = N_("回单已登记：成功 %(paid)s 笔，失败 %(failed)s 笔，已登记过 %(known)s 笔。")
    counts = {"paid": outcome.paid, "failed": outcome.failed, "known": outcome.known}
    return visit.done(f"/finance/batches/{id_}", visit.text(said) % counts)


def _fault(visit: Visit, fault: batch_files.ConfirmationFault) -> str:
    if not fault.line:
        said = N_("文件读不出来，或缺少这些列：退款编号、金额、结果。")
        return visit.text(said)
    said = N_("第 %(line)s 行“%(column)s”有误：%(text)s")
    return visit.text(said) % {"line": fault.line, "column": fault.column, "text": fault.text}


async def show(visit: Visit) -> Response:
    return await _shown(visit)


async def _shown(visit: Visit, fault: str = "", status: int = 200) -> Response:
    id_ = number_in(visit, "refund")
    found = await Refunds(visit.site.engine).get(id_)
    if found is None:
        raise HTTPException(404)
    proposals = await proposals_on(visit.site).about(About(refund=id_))
    return room(
        visit,
        "refund.html",
        status,
        row=found,
        proposals=proposals,
        waiting=any(each.state == "open" for each in proposals),
        fault=fault,
        typed=visit.form,
        today=day_of(visit.site.clock()),
    )


async def again(visit: Visit) -> Response:
    id_ = number_in(visit, "refund")
    try:
        await Refunds(visit.site.engine).again(id_, version_in(visit), by=by(visit), now=visit.site.clock())
    except WrongState:
        return visit.refused(f"/finance/refunds/{id_}", visit.text(OBSTACLES["overtaken"]))
    return visit.done(f"/finance/refunds/{id_}", visit.text(N_("已重新列入待退款。")))


async def change_payee(visit: Visit) -> Response:
    id_ = number_in(visit, "refund")
    payee = tuple(visit.form.get(name, "").strip()[:200] for name in ("name", "account", "bank"))
    try:
        await ByHand(visit.site.engine).propose_payee(
            id_,
            version_in(visit),
            (payee[0], payee[1], payee[2]),
            visit.form.get("reason", ""),
            by=by(visit),
            now=visit.site.clock(),
        )
    except CannotDo as refused:
        return await _shown(visit, visit.text(OBSTACLES[refused.obstacle]), 409)
    return visit.done(f"/finance/refunds/{id_}", visit.text(N_("已提交，请另一位财务人员复核。")))
