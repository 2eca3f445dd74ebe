"""The pages of this folder, and who may use them. Whose registration it is, each page looks for itself."""

from typing import Final

from office.accounts import Role
from web.registrations import attachments, entry, joining, overview, priority, sealing, steps
from web.routing import ADMINISTRATORS, BIDDERS, TRANSFERORS, Page
from web.sealing.flow import BODY_LIMIT

_ENTRY: Final = "/announcements/{lot}/register"
_MINE: Final = "/my/registrations/{registration}"
_PRIORITY: Final = "/my/assets/{lot}/priority"
_PROOF_READERS: Final = frozenset({Role.TRANSFEROR, Role.ADMINISTRATOR, Role.REGULATOR})

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", _ENTRY, entry.enter, BIDDERS),
    Page("POST", _ENTRY, entry.begin, BIDDERS),
    Page("GET", _MINE, overview.show, BIDDERS),
    Page("POST", f"{_MINE}/submit", overview.submit, BIDDERS),
    Page("POST", f"{_MINE}/change", overview.change, BIDDERS),
    Page("POST", f"{_MINE}/withdraw", overview.withdraw, BIDDERS),
    Page("POST", f"{_MINE}/confirm", overview.confirm_again, BIDDERS),
    Page("POST", f"{_MINE}/prepare", sealing.prepare, BIDDERS),
    Page("POST", f"{_MINE}/seal", sealing.seal, BIDDERS, BODY_LIMIT),
    Page("GET", f"{_MINE}/papers/{{paper}}.pdf", overview.paper, BIDDERS),
    Page("GET", f"{_MINE}/papers/{{paper}}/{{page}}.png", overview.image, BIDDERS),
    Page("GET", f"{_MINE}/joining", joining.show, BIDDERS),
    Page("POST", f"{_MINE}/joining", joining.decline, BIDDERS),
    Page("POST", f"{_MINE}/joining/prepare", joining.prepare, BIDDERS),
    Page("POST", f"{_MINE}/joining/seal", joining.seal, BIDDERS, BODY_LIMIT),
    Page("GET", f"{_MINE}/consents/{{key}}.pdf", joining.paper, BIDDERS),
    Page("POST", f"{_MINE}/files", attachments.add, BIDDERS, attachments.UPLOAD_LIMIT),
    Page("GET", f"{_MINE}/files/{{attachment}}", attachments.give, BIDDERS),
    Page("POST", f"{_MINE}/files/{{attachment}}/remove", attachments.remove, BIDDERS),
    Page("GET", f"{_MINE}/{{step}}", steps.show, BIDDERS),
    Page("POST", f"{_MINE}/{{step}}", steps.save, BIDDERS),
    Page("GET", _PRIORITY, priority.of_lot, TRANSFERORS),
    Page("POST", _PRIORITY, priority.mark, TRANSFERORS, priority.UPLOAD_LIMIT),
    Page("POST", f"{_PRIORITY}/{{holder}}/remove", priority.remove, TRANSFERORS),
    Page("GET", "/priority-proofs/{holder}", priority.proof, _PROOF_READERS),
    Page("GET", "/administration/priority", priority.waiting, ADMINISTRATORS),
    Page("POST", "/administration/priority/{holder}", priority.decide, ADMINISTRATORS),
)
