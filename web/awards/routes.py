"""The pages of this folder, and who may use them. Which sales somebody may see is decided for each."""

from typing import Final

from web.awards import archive, contract, default, handover, lists, offer, payment, price, review, show
from web.listings.uploads import UPLOAD_LIMIT
from web.routing import ADMINISTRATORS, BIDDERS, OVERSEERS, SEALERS, SIGNED_IN, TRANSFERORS, Page

_SALE: Final = "/sales/{lot}"
SELLERS_AND_ADMINISTRATORS: Final = TRANSFERORS | ADMINISTRATORS

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", "/sales", lists.index, SEALERS | OVERSEERS),
    Page("GET", _SALE, show.show, SIGNED_IN),
    Page("GET", f"{_SALE}/review", review.form, OVERSEERS),
    Page("GET", f"{_SALE}/review/paper", review.paper, OVERSEERS),
    Page("POST", f"{_SALE}/review/accept", review.accept, ADMINISTRATORS),
    Page("POST", f"{_SALE}/review/refuse", review.refuse, ADMINISTRATORS),
    Page("GET", f"{_SALE}/offer", offer.form, BIDDERS),
    Page("POST", f"{_SALE}/offer", offer.answer, BIDDERS),
    Page("GET", f"{_SALE}/price", price.form, TRANSFERORS),
    Page("POST", f"{_SALE}/price", price.agree, TRANSFERORS, UPLOAD_LIMIT),
    Page("POST", f"{_SALE}/give-up", price.give_up, SELLERS_AND_ADMINISTRATORS),
    Page("GET", f"{_SALE}/contract", contract.show, SIGNED_IN),
    Page("GET", f"{_SALE}/contract/{{version}}.pdf", contract.file, SIGNED_IN),
    Page("POST", f"{_SALE}/contract", contract.save, TRANSFERORS),
    Page("POST", f"{_SALE}/contract/upload", contract.upload, TRANSFERORS, UPLOAD_LIMIT),
    Page("POST", f"{_SALE}/contract/show", contract.show_other, TRANSFERORS),
    Page("POST", f"{_SALE}/contract/send", contract.send, TRANSFERORS),
    Page("POST", f"{_SALE}/contract/comment", contract.comment, SEALERS),
    Page("GET", f"{_SALE}/payment", payment.show, SIGNED_IN),
    Page("POST", f"{_SALE}/payment/late", payment.note, ADMINISTRATORS),
    Page("GET", f"{_SALE}/handover", handover.show, SIGNED_IN),
    Page("POST", f"{_SALE}/handover", handover.write, TRANSFERORS),
    Page("POST", f"{_SALE}/handover/answer", handover.answer, BIDDERS),
    Page("GET", f"{_SALE}/default", default.form, ADMINISTRATORS),
    Page("POST", f"{_SALE}/default", default.declare, ADMINISTRATORS),
    Page("POST", f"{_SALE}/again", default.again, ADMINISTRATORS),
    Page("GET", f"{_SALE}/archive.zip", archive.archive, SIGNED_IN),
    Page("GET", "/lots/{lot}/evidence.zip", archive.own_evidence, BIDDERS),
)
