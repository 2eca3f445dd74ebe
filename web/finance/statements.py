"""Statements: choose a file, look at what is in it, import it."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from office.banking.banks import banks
from office.banking.imports import PAGE, HasFaults
from office.banking.taking import Conflicts
from trading.deposits.deposits import Deposits
from web.finance.rooms import by, number_in, pages_of, room
from web.languages import N_
from web.visits import Visit

ROWS_SHOWN: Final = 20
FAULTS_SHOWN: Final = 200


async def index(visit: Visit) -> Response:
    return await _list(visit)


async def _list(visit: Visit, *, bank: str = "", faults: dict[str, str] | None = None) -> Response:
    number = visit.page()
    found, count = await visit.site.statements.page(number)
    return room(
        visit,
        "statements.html",
        422 if faults else 200,
        found=found,
        number=number,
        pages=pages_of(count, PAGE),
        bank=bank,
        errors=faults or {},
    )


async def upload(visit: Visit) -> Response:
    """Keep the file and lead to its preview; nothing is imported yet."""
    bank, data = visit.form.get("bank", ""), visit.files.get("file", b"")
    faults = {}
    if bank not in banks():
        faults["bank"] = visit.text(N_("请选择银行。"))
    if not data:
        faults["file"] = visit.text(N_("请选择银行导出的文件。"))
    if faults:
        return await _list(visit, bank=bank, faults=faults)
    name = "xlsx" if data.startswith(b"PK") else "csv"
    file = await visit.site.statements.preview(bank, name, data, by=by(visit), now=visit.site.clock())
    return visit.redirect(f"/finance/statements/{file.id}")


async def show(visit: Visit) -> Response:
    """What the file holds, what is wrong with it, and what an import would change."""
    preview = await visit.site.statements.look(number_in(visit, "statement"))
    if preview is None:
        raise HTTPException(404)
    rows, faults = preview.statement.rows, preview.statement.faults
    marked = await Deposits(visit.site.engine, visit.site.sealed).marked_until()
    early = 0 if marked is None else sum(row.value_time <= marked for row in rows)
    return room(
        visit,
        "statement.html",
        preview=preview,
        file=preview.file,
        statement=preview.statement,
        rows=rows[:ROWS_SHOWN],
        more_rows=max(0, len(rows) - ROWS_SHOWN),
        faults=faults[:FAULTS_SHOWN],
        more_faults=max(0, len(faults) - FAULTS_SHOWN),
        early=early if preview.known is not None and preview.known < len(rows) else 0,
        marked=marked,
    )


async def import_one(visit: Visit) -> Response:
    """Carry out what the preview said. A second click finds it done."""
    statement = number_in(visit, "statement")
    here = f"/finance/statements/{statement}"
    try:
        file = await visit.site.statements.import_one(statement, by=by(visit), now=visit.site.clock())
    except LookupError as unknown:
        raise HTTPException(404) from unknown
    except HasFaults:
        return visit.refused(here, visit.text(N_("文件里有错误，没有导入。请改正后重新上传。")), 422)
    except Conflicts:
        said = N_("有流水号与已导入的记录不一致，没有导入。请与银行核对。")
        return visit.refused(here, visit.text(said))
    said = N_("已导入：新增 %(new)s 笔，已有 %(known)s 笔。")
    return visit.done(here, visit.text(said) % {"new": file.taken, "known": file.known})
