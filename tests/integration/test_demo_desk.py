"""The demonstration's desk has something to do, and is not filled twice."""

from collections import Counter as Tally

from sqlalchemy import text

from luochui.demo import ACCOUNTS
from luochui.demo_desk import ORDERS, fill_desk
from office.accounts import Accounts, Role
from office.clock import utc_now
from office.database import create_engine
from office.marks import Marks


async def test_orders_lie_at_the_desk_once(database: str) -> None:
    engine = create_engine(database)
    clerk = await Accounts(engine).create_hashed("clerk1", "not used here", Role.CLERK, "办证员甲")
    marks = Marks("of the tests")
    assert await fill_desk(engine, marks, "示例平台", clerk, now=utc_now()) == len(ORDERS)
    assert await fill_desk(engine, marks, "示例平台", clerk, now=utc_now()) == 0
    async with engine.connect() as connection:
        found = Tally((await connection.execute(text("SELECT state FROM orders"))).scalars())
        wrong = text("SELECT count(*) FROM order_receipts WHERE standing <> 'counted'")
        assert await connection.scalar(wrong) == 0
    assert found == Tally(str(state) for _subject, state in ORDERS)
    await engine.dispose()


def test_two_clerks_can_sign_in() -> None:
    assert [one.login for one in ACCOUNTS if one.role is Role.CLERK] == ["clerk1", "clerk2"]
