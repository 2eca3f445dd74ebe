"""The forms of a page as a browser without scripts sees them: where they go, and what they already say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """One form. `values` is what it sends when nobody touches it."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


class Forms(HTMLParser):
    """All forms of a page, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._form: Form | None = None
        self._area = self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.found.append(self._form)
        if self._form is None:
            return
        name = given.get("name", "")
        self._form.names |= {name} if name and tag != "button" else set()
        if tag == "input" and name:
            self._input(self._form, name, given)
        elif tag == "textarea":
            self._area = name
            self._form.values[name] = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            self._option(self._form, given)

    def _input(self, form: Form, name: str, given: Mapping[str, str]) -> None:
        kind = given.get("type", "text")
        if kind in ("radio", "checkbox"):
            if "checked" in given:
                form.values[name] = given.get("value", "on")
        elif kind not in ("file", "submit", "button"):
            form.values[name] = given.get("value", "")

    def _option(self, form: Form, given: Mapping[str, str]) -> None:
        if "selected" in given or self._select not in form.values:
            form.values[self._select] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._form is not None and self._area:
            self._form.values[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._area = ""
        elif tag == "select":
            self._select = ""


def form_to(html: str, action: str) -> Form | None:
    """The form of a page whose address ends like this."""
    return next((form for form in Forms(html).found if form.action.split("#")[0].endswith(action)), None)
