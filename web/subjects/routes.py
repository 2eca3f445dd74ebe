"""The pages of market subjects, and who may use them. Whose subject it is, each page looks for itself."""

from typing import Final

from office.accounts import MARKET
from web.routing import EVERYBODY, Page
from web.subjects import operators, profile, signing_up

_HERE: Final = profile.HERE
_OPERATOR: Final = f"{operators.LIST}/{{operator}}"

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", signing_up.HERE, signing_up.form, EVERYBODY),
    Page("POST", signing_up.HERE, signing_up.ask, EVERYBODY),
    Page("POST", f"{signing_up.HERE}/account", signing_up.open_account, EVERYBODY),
    Page("GET", _HERE, profile.show, MARKET),
    Page("GET", f"{_HERE}/register", profile.register_form, MARKET),
    Page("POST", f"{_HERE}/register", profile.register, MARKET),
    Page("GET", f"{_HERE}/edit", profile.edit_form, MARKET),
    Page("POST", f"{_HERE}/edit", profile.edit, MARKET),
    Page("GET", f"{_HERE}/check", profile.check_form, MARKET),
    Page("POST", f"{_HERE}/check", profile.check, MARKET),
    Page("GET", f"{_HERE}/history", profile.history, MARKET),
    Page("GET", operators.LIST, operators.show, MARKET),
    Page("POST", operators.LIST, operators.add, MARKET, operators.BODY_LIMIT),
    Page("POST", f"{_OPERATOR}/end", operators.end, MARKET),
    Page("POST", f"{_OPERATOR}/take", operators.take, MARKET),
    Page("GET", f"{_OPERATOR}/paper", operators.paper, MARKET),
)
