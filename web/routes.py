"""All pages, and who may use them. tests/integration/test_web_roles.py walks this table as every role."""

from typing import Final

from signing.jobs import WELL_KNOWN
from web import (
    administration,
    board,
    checking,
    commands,
    documents,
    ledger_files,
    lots,
    my_ukeys,
    people,
    personal,
    rehearsals,
    signing_in,
    tasks,
    ukey_sign_in,
)
from web.awards.routes import PAGES as AWARDS
from web.certificates.catalogue_routes import PAGES as CATALOGUE
from web.certificates.desk_assistants import PAGES as DESK_ASSISTANTS
from web.certificates.desk_routes import PAGES as DESK
from web.certificates.issue_routes import PAGES as CERTIFICATE_ISSUING
from web.certificates.order_routes import PAGES as CERTIFICATE_ORDERS
from web.certificates.unlock_routes import PAGES as CERTIFICATE_UNLOCKING
from web.finance.routes import PAGES as FINANCE
from web.listings.routes import PAGES as LISTINGS
from web.oversight.routes import PAGES as OVERSIGHT
from web.profile_routes import PAGES as PROFILES
from web.registrations.routes import PAGES as REGISTRATIONS
from web.routing import (
    ADMINISTRATORS,
    BIDDERS,
    EVERYBODY,
    OVERSEERS,
    SEALERS,
    SIGNED_IN,
    UPLOAD_LIMIT,
    Page,
)
from web.sealing import documents as sealing
from web.sealing.flow import BODY_LIMIT, LARGEST_SEALING
from web.sealing.one_time import PATH, fetch
from web.subjects.routes import PAGES as SUBJECTS

_ADMINISTRATION: Final = "/administration/lots"
_LOT: Final = "/administration/lots/{lot}"
_ACCOUNTS: Final = "/administration/accounts"
_ACCOUNT: Final = "/administration/accounts/{account}"
_DOCUMENT: Final = "/documents/{document}"

PAGES: Final[tuple[Page, ...]] = (
    # everybody
    Page("GET", "/", lots.index, EVERYBODY),
    Page("GET", "/lots", lots.lots_redirect, EVERYBODY),
    Page("GET", "/lots/{lot}", lots.show, EVERYBODY),
    Page("GET", "/lots/{lot}/room", lots.room, EVERYBODY, during_maintenance=True),
    Page("GET", "/lots/{lot}/ledger.jsonl", ledger_files.ledger, EVERYBODY),
    Page("GET", "/lots/{lot}/receipts/{seq}", ledger_files.receipt_of, EVERYBODY),
    Page("GET", "/sign-in", signing_in.form, EVERYBODY, during_maintenance=True),
    Page(
        "POST",
        "/sign-in",
        signing_in.sign_in,
        EVERYBODY,
        during_maintenance=True,
        with_given_password=True,
    ),
    Page("POST", "/sign-in/challenge", ukey_sign_in.challenge, EVERYBODY, during_maintenance=True),
    Page("POST", "/sign-in/ukey", ukey_sign_in.sign_in, EVERYBODY, during_maintenance=True),
    Page("GET", WELL_KNOWN, my_ukeys.publish, EVERYBODY, during_maintenance=True),
    Page("GET", "/demo/assistant", my_ukeys.open_demo_assistant, EVERYBODY, during_maintenance=True),
    Page("GET", f"{PATH}{{address}}", fetch, EVERYBODY, during_maintenance=True),
    Page("GET", "/check", checking.form, EVERYBODY),
    checking.UploadPage("POST", "/check", checking.check, EVERYBODY, checking.BODY_LIMIT),
    checking.UploadPage("POST", "/check/report.pdf", checking.report, EVERYBODY, checking.REPORT_LIMIT),
    Page(
        "POST",
        "/sign-out",
        signing_in.sign_out,
        EVERYBODY,
        during_maintenance=True,
        with_given_password=True,
        ends_session=True,
    ),
    Page(
        "POST",
        "/locale",
        signing_in.choose_locale,
        EVERYBODY,
        during_maintenance=True,
        with_given_password=True,
    ),
    # whoever is signed in
    Page(
        "GET",
        "/my/password",
        people.password_form,
        SIGNED_IN,
        during_maintenance=True,
        with_given_password=True,
    ),
    Page(
        "POST",
        "/my/password",
        people.change_password,
        SIGNED_IN,
        during_maintenance=True,
        with_given_password=True,
    ),
    Page("GET", "/my/ukeys", my_ukeys.index, SIGNED_IN),
    Page("POST", "/my/ukeys/challenge", my_ukeys.challenge, SIGNED_IN),
    Page("POST", "/my/ukeys/bind", my_ukeys.bind, SIGNED_IN, 2 * LARGEST_SEALING),
    Page("POST", "/my/ukeys/{ukey}/end", my_ukeys.end, SIGNED_IN),
    Page("GET", "/my/tasks", tasks.index, SIGNED_IN),
    # documents of a sale; who may see one is decided for each
    Page("GET", _DOCUMENT, documents.show, SIGNED_IN),
    Page("GET", f"{_DOCUMENT}/pages/{{page}}.png", documents.image, SIGNED_IN),
    Page("GET", f"{_DOCUMENT}/file.{{kind}}", documents.file, SIGNED_IN),
    Page("POST", f"{_DOCUMENT}/prepare", sealing.prepare, SEALERS),
    Page("POST", f"{_DOCUMENT}/seal", sealing.seal, SEALERS, BODY_LIMIT),
    Page("POST", f"{_DOCUMENT}/end", documents.end, ADMINISTRATORS),
    Page("GET", "/my/rehearsals", rehearsals.index, BIDDERS),
    Page("POST", "/my/rehearsals", rehearsals.begin, BIDDERS),
    Page("GET", "/my/trades", personal.trades, BIDDERS, during_maintenance=True),
    # who watches over the auctions
    Page("GET", "/board", board.board, OVERSEERS, during_maintenance=True),
    Page("GET", "/board/titles", board.titles, OVERSEERS, during_maintenance=True),
    Page("GET", "/lots/{lot}/refusals", lots.refusals, OVERSEERS),
    Page("POST", "/board/suspend", commands.suspend_all, ADMINISTRATORS, during_maintenance=True),
    Page("POST", "/board/resume", commands.resume_all, ADMINISTRATORS, during_maintenance=True),
    *(
        Page("POST", f"{prefix}/{name}", endpoint, ADMINISTRATORS, during_maintenance=True)
        for prefix in ("/board/lots/{lot}", _LOT)
        for name, endpoint in (
            ("suspend", commands.suspend),
            ("resume", commands.resume),
            ("abort", commands.request_abort),
            ("abort/confirm", commands.confirm_abort),
            ("notice", commands.notice),
        )
    ),
    # administration
    Page("GET", _ADMINISTRATION, administration.index, ADMINISTRATORS),
    Page("GET", f"{_ADMINISTRATION}/new", administration.new_form, ADMINISTRATORS),
    Page("POST", f"{_ADMINISTRATION}/new", administration.put_on, ADMINISTRATORS, keeps_unsent=True),
    Page("GET", _LOT, administration.show, ADMINISTRATORS),
    Page("POST", f"{_LOT}/schedule", administration.schedule, ADMINISTRATORS),
    Page("POST", f"{_LOT}/list", administration.import_list, ADMINISTRATORS, UPLOAD_LIMIT),
    Page("GET", _ACCOUNTS, people.index, ADMINISTRATORS),
    Page("POST", f"{_ACCOUNTS}/new", people.create, ADMINISTRATORS),
    Page("GET", _ACCOUNT, my_ukeys.account, ADMINISTRATORS),
    Page("POST", f"{_ACCOUNT}/ukeys/{{ukey}}/confirm", my_ukeys.confirm, ADMINISTRATORS),
    Page("POST", f"{_ACCOUNT}/ukeys/{{ukey}}/end", my_ukeys.end_of, ADMINISTRATORS),
    Page("POST", f"{_ACCOUNT}/disable", people.disable, ADMINISTRATORS),
    Page("POST", f"{_ACCOUNT}/enable", people.enable, ADMINISTRATORS),
    Page("POST", f"{_ACCOUNT}/end-sessions", people.end_sessions, ADMINISTRATORS),
    Page("POST", f"{_ACCOUNT}/new-password", people.new_password, ADMINISTRATORS),
    # the trading workflow
    *PROFILES,
    *LISTINGS,
    *REGISTRATIONS,
    *FINANCE,
    *AWARDS,
    *OVERSIGHT,
    *SUBJECTS,
    *CERTIFICATE_ISSUING,
    *CERTIFICATE_UNLOCKING,
    *CERTIFICATE_ORDERS,
    *DESK,
    *DESK_ASSISTANTS,
    # the catalogue stands last: /certificates/{channel} would take the names of other pages
    *CATALOGUE,
)
