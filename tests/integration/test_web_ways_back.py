"""From a refused form there is a way back to its page; pages that ask for a UKey may reach the assistant."""

import re
from pathlib import Path

import pytest

from office.accounts import Role
from tests.webkit import web_on
from web.headers import asks_for_ukeys

TEMPLATES = Path(__file__).parents[2] / "web" / "templates"
ADDRESSES = {
    "sign_in.html": "/sign-in",
    "my_ukeys.html": "/my/ukeys",
    "document.html": "/documents/1",
    "registrations/overview.html": "/my/registrations/R1",
    "registrations/joining.html": "/my/registrations/R1/joining",
    "certificates/issue.html": "/certificates/issue/20260422ABCDEFGH",
    "certificates/consent.html": "/certificates/orders/20260422ABCDEFGH/consent",
    "certificates/unlock.html": "/certificates/unlock/20260422ABCDEFGH",
}
"""Where the templates are shown that have the assistant's buttons."""


async def test_a_refused_form_leads_back_to_its_page(database: str, valkey: str) -> None:
    async with web_on(database, valkey) as web:
        visitor = await web.signed_in("bidder1", Role.BIDDER)
        own = str(visitor.client.base_url).rstrip("/")
        for said, leads_to in (
            (f"{own}/my/password?a=1", "/my/password?a=1"),
            ("https://elsewhere.test/my/password", None),
            ("", None),
        ):
            answer = await visitor.client.post(
                "/my/password", data={"csrf_token": "another"}, headers={"Referer": said, "Origin": own}
            )
            assert answer.status_code == 403
            found = re.findall(r'href="([^"]+)">回到刚才的页面', answer.text)
            assert found == ([leads_to] if leads_to else [])
            assert "回到首页" in answer.text


def test_every_page_with_the_buttons_of_the_assistant_may_reach_it() -> None:
    asking = {
        str(file.relative_to(TEMPLATES))
        for file in TEMPLATES.rglob("*.html")
        if "ukey_head.html" in file.read_text("utf-8")
    }
    assert asking <= set(ADDRESSES), "where is it shown?"
    for address in ADDRESSES.values():
        assert asks_for_ukeys(address), address


@pytest.mark.parametrize(
    "path",
    ["/", "/my/trades", "/announcements/XX-WL-2026-0001", "/certificates/orders/20260422ABCDEFGH/payment"],
)
def test_no_other_page_may(path: str) -> None:
    assert not asks_for_ukeys(path)
