"""The OpenAPI 3.1 document of the open data. A test holds the answers to it."""

from typing import Any, Final

from bidding.lots import AssetClass
from trading.lifecycle.states import AnnouncementKind, SaleMethod
from trading.listings.releases import MOST, PAGE, STATUS, TAGS

TEXT: Final = {"type": "string"}
MOMENT: Final = {"type": "string", "format": "date-time"}
LINK: Final = {"type": "string", "format": "uri"}


def _object(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    """An object that has these properties and no others."""
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": False,
    }


def _list(of: Any) -> dict[str, Any]:
    return {"type": "array", "items": of}


def _one_of(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": sorted(set(values))}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMAS: Final[dict[str, Any]] = {
    "Money": _object(
        ("amount", "currency"),
        amount={
            "type": "string",
            "pattern": r"^\d+\.\d{2}$",
            "description": "Yuan, as text.",
        },
        currency={"type": "string", "const": "CNY"},
    ),
    "Period": _object((), startDate=MOMENT, endDate=MOMENT),
    "Detail": _object(
        ("name", "label", "value", "text"),
        name=TEXT,
        label=TEXT,
        value={"type": ["string", "integer"], "description": "Amounts in fen."},
        text=TEXT,
    ),
    "Document": _object(
        ("id", "documentType", "title", "size", "sm3", "url"),
        id=TEXT,
        documentType=_one_of("picture", "attachment"),
        title=TEXT,
        size={"type": "integer", "minimum": 1},
        sm3={"type": "string", "pattern": "^[0-9a-f]{64}$"},
        url=LINK,
    ),
    "Tender": _object(
        ("id", "title", "status", "assetClass", "saleMethod", "datesProvisional", "url"),
        id=TEXT,
        title=TEXT,
        description=TEXT,
        disclosures=TEXT,
        eligibilityCriteria=TEXT,
        status=_one_of(*STATUS.values()),
        assetClass=_one_of(*AssetClass),
        saleMethod=_one_of(*SaleMethod),
        location=TEXT,
        startingPrice=_ref("Money"),
        increment=_ref("Money"),
        deposit=_ref("Money"),
        valuation=_ref("Money"),
        registrationPeriod=_ref("Period"),
        depositDeadline=MOMENT,
        auctionStart=MOMENT,
        datesProvisional={
            "type": "boolean",
            "description": "The calendar of working days is not published yet: the dates may move.",
        },
        details=_list(_ref("Detail")),
        documents=_list(_ref("Document")),
        url=LINK,
    ),
    "Award": _object(
        ("id", "status", "date"),
        id=TEXT,
        status=_one_of("active"),
        date=MOMENT,
        value=_ref("Money"),
        saleMethod=TEXT,
        buyers=_list(_object(("name",), name=TEXT)),
        paddle=TEXT,
        ledgerRoot=TEXT,
    ),
    "Release": _object(
        ("ocid", "id", "date", "tag", "language", "initiationType", "announcement", "tender"),
        ocid={"type": "string", "pattern": "^luochui-[A-Z0-9-]{1,32}$"},
        id=TEXT,
        date=MOMENT,
        tag=_list(_one_of(*TAGS.values())),
        language={"type": "string", "const": "zh"},
        initiationType={"type": "string", "const": "tender"},
        announcement=_object(
            ("kind", "title", "reason", "pdf"),
            kind=_one_of(*AnnouncementKind),
            title=TEXT,
            reason=TEXT,
            pdf=LINK,
        ),
        tender=_ref("Tender"),
        parties=_list(_object(("name", "roles"), name=TEXT, roles=_list(_one_of("seller")))),
        awards=_list(_ref("Award")),
    ),
    "Package": _object(
        ("uri", "version", "publisher", "license", "releases", "links"),
        uri=LINK,
        version={"type": "string", "const": "1.1"},
        publisher=_object(("name",), name=TEXT),
        license=LINK,
        releases=_list(_ref("Release")),
        links=_object(("self", "cursor"), self=LINK, cursor=TEXT, next=LINK),
    ),
    "Fault": _object(("error",), error=TEXT, parameter=TEXT, wanted=TEXT, retryAfter={"type": "integer"}),
}


def document(base: str, platform: str) -> dict[str, Any]:
    """The whole document, for a platform at `base`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{platform}：开放数据",
            "version": "1",
            "description": "Announcements and results as releases, in the manner of OCDS 1.1.",
            "license": {"name": "CC BY 4.0", "url": "https://creativecommons.org/licenses/by/4.0/"},
        },
        "servers": [{"url": base}],
        "paths": {
            "/open-data/releases.json": {"get": _releases()},
            "/open-data/lots/{lot}.json": {"get": _lot()},
        },
        "components": {"schemas": SCHEMAS},
    }


def _releases() -> dict[str, Any]:
    return {
        "operationId": "releases",
        "summary": "All announcements in the order of publication, a page at a time.",
        "parameters": [
            _query("cursor", TEXT, "From an earlier answer (links.cursor); what came after it follows."),
            _query("limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": PAGE}, ""),
            _query("since", TEXT, "Published from this day (Beijing) or moment on."),
            _query("assetClass", _one_of(*AssetClass), ""),
            _query("kind", _one_of(*AnnouncementKind), ""),
        ],
        "responses": _responses("400", "429"),
    }


def _lot() -> dict[str, Any]:
    return {
        "operationId": "releasesOfLot",
        "summary": "All announcements of one lot.",
        "parameters": [
            {
                "name": "lot",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "pattern": "^[A-Z0-9-]{1,32}$"},
            }
        ],
        "responses": _responses("404", "429"),
    }


def _query(name: str, schema: Any, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


FAULTS: Final = {
    "400": "A parameter that can't be read, or that nobody knows.",
    "404": "No such lot was announced.",
    "429": "Over 60 requests a minute from one address; Retry-After says when to come back.",
}


def _responses(*faults: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "200": {
            "description": "A package of releases. It has an ETag.",
            "content": {"application/json": {"schema": _ref("Package")}},
        },
        "304": {"description": "Nothing has changed since the answer with this ETag (If-None-Match)."},
    }
    for fault in faults:
        found[fault] = {
            "description": FAULTS[fault],
            "content": {"application/json": {"schema": _ref("Fault")}},
        }
    return found
