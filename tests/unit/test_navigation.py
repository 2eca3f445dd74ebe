"""The navigation leads everybody to pages that they may open, and to those that their work is on."""

import pytest

from office.accounts import Role
from web.pages import NAVIGATION
from web.routes import PAGES

WHO = {page.path: page.who for page in PAGES if page.method == "GET"}


@pytest.mark.parametrize(("href", "roles"), [(href, roles) for href, _, roles in NAVIGATION])
def test_nobody_is_led_to_a_closed_page(href: str, roles: frozenset[Role] | None) -> None:
    assert href in WHO
    permitted = WHO[href]
    assert permitted is None or (roles is not None and roles <= permitted)


def test_the_sales_are_in_the_navigation_of_all_who_may_see_them() -> None:
    assert {href: roles for href, _, roles in NAVIGATION}["/sales"] == WHO["/sales"]
