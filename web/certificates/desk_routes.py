"""The pages of the desk: clerks, and nobody else."""

from typing import Final

from office.accounts import Role
from web.certificates import (
    desk,
    desk_counter,
    desk_day,
    desk_review,
    desk_stock,
    desk_stopping,
    desk_walk_ins,
)
from web.certificates.desk_own import DESK
from web.routing import Page

CLERKS: Final = frozenset({Role.CLERK})
_ORDER: Final = f"{DESK}/orders/{{number}}"

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", DESK, desk.index, CLERKS),
    Page("GET", f"{DESK}/find", desk.find, CLERKS),
    Page("GET", _ORDER, desk_review.show, CLERKS),
    Page("POST", f"{_ORDER}/take", desk_review.take, CLERKS),
    Page("POST", f"{_ORDER}/put-back", desk_review.put_back, CLERKS),
    Page("POST", f"{_ORDER}/decide", desk_review.decide, CLERKS),
    Page("POST", f"{_ORDER}/reverse", desk_review.reverse, CLERKS),
    Page("POST", f"{_ORDER}/stop", desk_stopping.stop, CLERKS),
    Page("POST", f"{_ORDER}/reject", desk_review.reject, CLERKS),
    Page("POST", f"{_ORDER}/reject/reverse", desk_review.unreject, CLERKS),
    Page("GET", f"{_ORDER}/files/{{file}}", desk_review.file, CLERKS),
    # the counter
    Page("GET", desk_walk_ins.WALK_IN, desk_walk_ins.show, CLERKS),
    Page("POST", desk_walk_ins.WALK_IN, desk_walk_ins.begin, CLERKS),
    Page("POST", f"{desk_walk_ins.WALK_IN}/{{number}}/take-over", desk_walk_ins.take_over, CLERKS),
    Page("POST", f"{_ORDER}/payment", desk_counter.take_money, CLERKS),
    Page("POST", f"{_ORDER}/payment/reverse", desk_counter.give_back, CLERKS),
    Page("POST", f"{_ORDER}/paper", desk_counter.receive_paper, CLERKS),
    Page("POST", f"{_ORDER}/ukey", desk_counter.assign, CLERKS),
    Page("POST", f"{_ORDER}/ukey/release", desk_counter.release, CLERKS),
    Page("POST", f"{_ORDER}/ship", desk_counter.ship, CLERKS),
    Page("POST", f"{_ORDER}/arrived", desk_counter.arrived, CLERKS),
    Page("POST", f"{_ORDER}/reissue", desk_counter.reissue, CLERKS),
    Page("POST", f"{_ORDER}/hand-over", desk_counter.hand_over, CLERKS),
    Page("POST", f"{_ORDER}/hand-over/reverse", desk_counter.take_back, CLERKS),
    Page("GET", f"{_ORDER}/handover.pdf", desk_counter.sheet, CLERKS),
    # stock, day, figures
    Page("GET", desk_stock.STOCK, desk_stock.index, CLERKS),
    Page("POST", f"{desk_stock.STOCK}/receive", desk_stock.receive, CLERKS),
    Page("POST", f"{desk_stock.STOCK}/count", desk_stock.count, CLERKS),
    Page("GET", f"{desk_stock.STOCK}/{{serial}}", desk_stock.one, CLERKS),
    Page("POST", f"{desk_stock.STOCK}/{{serial}}/{{act}}", desk_stock.move, CLERKS),
    Page("GET", desk_day.DAY, desk_day.day, CLERKS),
    Page("POST", f"{desk_day.DAY}/close", desk_day.close, CLERKS),
    Page("POST", f"{desk_day.DAY}/reopen", desk_day.reopen, CLERKS),
    Page("GET", f"{DESK}/statistics", desk_day.statistics, CLERKS | {Role.ADMINISTRATOR}),
)
