"""The pages of this folder, and who may use them."""

from typing import Final

from web.routing import Page

PAGES: Final[tuple[Page, ...]] = ()
