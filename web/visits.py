"""One request, with everything that is known about who makes it."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from office.accounts import Role
from office.sessions import COOKIE as SESSION_COOKIE
from office.sessions import SignedIn
from web import csrf, flashes, languages
from web.flashes import Flash, Kind
from web.site import Site

LOCALE_COOKIE: Final = "luochui_locale"
LONGEST_NEXT: Final = 300


@dataclass(slots=True)
class Visit:
    """`form` holds the text fields of a POST, stripped of nothing; `files` its uploads, read and bounded."""

    site: Site
    request: Request
    signed_in: SignedIn | None
    locale: str
    visitor: str
    maintenance: str = ""
    unread: int = 0
    form: dict[str, str] = field(default_factory=dict, repr=False)
    files: dict[str, bytes] = field(default_factory=dict, repr=False)
    said: list[Flash] = field(default_factory=list)
    by_telephone: bool = False
    """A telephone that was proved in this browser counts on this page (web/certificates/access.py)."""

    @classmethod
    async def of(cls, site: Site, request: Request, *, signed_in: SignedIn | None) -> "Visit":
        locale = languages.choose(
            signed_in.locale if signed_in else "",
            request.cookies.get(LOCALE_COOKIE, ""),
            request.headers.get("accept-language", ""),
        )
        return cls(site, request, signed_in, locale, csrf.visitor_of(request) or csrf.new_visitor())

    # words

    def text(self, message: str) -> str:
        """A marked text in the language of the visit."""
        return self.site.catalogues.of(self.locale).gettext(message)

    def named(self, one: object) -> str:
        """What a channel, an authority or a product is called in the language of the visit."""
        return languages.named(self.locale, one)

    # who

    @property
    def role(self) -> Role | None:
        return self.signed_in.role if self.signed_in else None

    @property
    def bound_to(self) -> str:
        """What tokens of this visit are bound to."""
        return self.signed_in.session_id if self.signed_in else self.visitor

    @property
    def csrf_token(self) -> str:
        return csrf.token(self.site.settings.secret, self.bound_to)

    @property
    def address(self) -> str:
        return self.request.client.host if self.request.client else ""

    # where

    @property
    def path(self) -> str:
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    def param(self, name: str) -> str:
        return str(self.request.path_params[name])

    def query(self, name: str, longest: int = 100) -> str:
        return self.request.query_params.get(name, "")[:longest]

    def page(self) -> int:
        """The number of the page asked for, from 1; anything else is 1."""
        asked = self.query("page", 6)
        return max(1, int(asked)) if asked.isascii() and asked.isdigit() else 1

    @property
    def wants_json(self) -> bool:
        return "application/json" in self.request.headers.get("accept", "")

    # answers

    def flash(self, kind: Kind, text: str) -> None:
        """A sentence for the page that is shown next."""
        self.said.append(Flash(kind, text))

    def flashes(self) -> list[Flash]:
        """What waits to be shown on this page."""
        kept = self.request.cookies.get(flashes.COOKIE)
        return [*flashes.read(self.site.settings.secret, self.visitor, kept), *self.said]

    def redirect(self, to: str) -> Response:
        return RedirectResponse(to, status_code=303)

    def done(self, to: str, text: str) -> Response:
        """A command was carried out: the page it came from, or JSON."""
        if self.wants_json:
            return JSONResponse({"ok": True, "message": text})
        self.flash("success", text)
        return self.redirect(to)

    def refused(self, to: str, text: str, status: int = 409) -> Response:
        """A command could not be carried out."""
        if self.wants_json:
            return JSONResponse({"ok": False, "message": text}, status_code=status)
        self.flash("danger", text)
        return self.redirect(to)


def dress(visit: Visit, response: Response) -> Response:
    """Add the cookies of a visit to its answer; never to one that caches may give to others."""
    if response.headers.get("cache-control", "").startswith("public"):
        return response
    secure = visit.site.settings.secure
    if csrf.visitor_of(visit.request) != visit.visitor:
        response.set_cookie(csrf.VISITOR_COOKIE, visit.visitor, httponly=True, samesite="lax", secure=secure)
    goes_on = 300 <= response.status_code < 400 or response.media_type == "application/json"
    if goes_on and visit.said:
        kept = flashes.write(visit.site.settings.secret, visit.visitor, visit.said)
        response.set_cookie(
            flashes.COOKIE, kept, max_age=flashes.LIVES_S, httponly=True, samesite="lax", secure=secure
        )
    elif flashes.COOKIE in visit.request.cookies and response.media_type == "text/html":
        response.delete_cookie(flashes.COOKIE, httponly=True, samesite="lax", secure=secure)
    return response


def set_session(visit: Visit, response: Response, cookie: str) -> None:
    response.set_cookie(
        SESSION_COOKIE, cookie, httponly=True, samesite="lax", secure=visit.site.settings.secure, path="/"
    )


def drop_session(visit: Visit, response: Response) -> None:
    response.delete_cookie(
        SESSION_COOKIE, httponly=True, samesite="lax", secure=visit.site.settings.secure, path="/"
    )


def local(target: str) -> str:
    """A place on this site to go on to; anything else is the start page."""
    parts = urlsplit(target[:LONGEST_NEXT])
    outside = parts.scheme or parts.netloc or not target.startswith("/") or target.startswith(("//", "/\\"))
    odd = any(ord(char) < 33 or char == "\\" for char in target)
    return "/" if outside or odd else target[:LONGEST_NEXT]


def sign_in_address(path: str) -> str:
    return f"/sign-in?next={quote(path, safe='')}"


async def read_uploads(form: object) -> tuple[dict[str, str], dict[str, bytes]]:
    """Text fields, and files as bytes; the body's limit bounds both."""
    texts: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for name, value in form.multi_items():  # type: ignore[attr-defined]
        if isinstance(value, UploadFile):
            files[name] = await value.read()
        else:
            texts[name] = value
    return texts, files
