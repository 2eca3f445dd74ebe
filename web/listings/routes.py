"""The pages of this folder, and who may use them."""

from typing import Final

from web.checking import UploadPage
from web.listings import (
    announcements,
    assets,
    correcting,
    drafts,
    open_data,
    openings,
    publishing,
    review,
    serving,
    uploads,
)
from web.routing import ADMINISTRATORS, EVERYBODY, OVERSEERS, TRANSFERORS, UPLOAD_LIMIT, Page

_ANNOUNCED: Final = "/announcements/{lot}"
_ASSETS: Final = "/my/assets"
_ASSET: Final = "/my/assets/{lot}"
_STEP: Final = f"{_ASSET}/steps/{{step}}"
_REVIEW: Final = "/administration/listings"
_LISTING: Final = f"{_REVIEW}/{{lot}}"

PAGES: Final[tuple[Page, ...]] = (
    # everybody
    Page("GET", "/announcements", announcements.index, EVERYBODY),
    Page("GET", _ANNOUNCED, announcements.show, EVERYBODY),
    Page("GET", f"{_ANNOUNCED}/files/{{file}}", serving.public_file, EVERYBODY),
    Page("GET", f"{_ANNOUNCED}/thumbnails/{{file}}", serving.public_thumbnail, EVERYBODY),
    Page("GET", f"{_ANNOUNCED}/{{announcement}}.pdf", announcements.printed, EVERYBODY),
    Page("GET", "/open-data", open_data.about, EVERYBODY),
    Page("GET", "/open-data/releases.json", open_data.releases, EVERYBODY),
    Page("GET", "/open-data/lots/{lot}.json", open_data.releases_of_lot, EVERYBODY),
    Page("GET", "/open-data/openapi.json", open_data.openapi, EVERYBODY),
    # transferors
    Page("GET", _ASSETS, assets.index, TRANSFERORS),
    Page("GET", f"{_ASSETS}/new", drafts.new_form, TRANSFERORS),
    Page("POST", f"{_ASSETS}/new", drafts.create, TRANSFERORS, keeps_unsent=True),
    Page("GET", _ASSET, assets.show, TRANSFERORS),
    Page("GET", f"{_ASSET}/preview", assets.preview, TRANSFERORS),
    Page("GET", _STEP, drafts.step_form, TRANSFERORS),
    Page("POST", _STEP, drafts.save_step, TRANSFERORS, UPLOAD_LIMIT, keeps_unsent=True),
    UploadPage("POST", f"{_ASSET}/files", uploads.upload, TRANSFERORS, uploads.UPLOAD_LIMIT),
    Page("POST", f"{_ASSET}/files/{{file}}/remove", uploads.remove, TRANSFERORS),
    Page("GET", f"{_ASSET}/files/{{file}}", serving.own_file, TRANSFERORS),
    Page("GET", f"{_ASSET}/thumbnails/{{file}}", serving.own_thumbnail, TRANSFERORS),
    Page("POST", f"{_ASSET}/submit", assets.submit, TRANSFERORS),
    Page("POST", f"{_ASSET}/withdraw", assets.withdraw, TRANSFERORS),
    Page("POST", f"{_ASSET}/requests", assets.ask, TRANSFERORS),
    Page("POST", f"{_ASSET}/requests/{{request}}/take-back", assets.take_back, TRANSFERORS),
    Page("POST", f"{_ASSET}/relist", assets.relist, TRANSFERORS),
    # administrators; regulators read
    Page("GET", _REVIEW, review.index, OVERSEERS),
    Page("GET", "/administration/openings", openings.show, OVERSEERS),
    Page("GET", _LISTING, review.show, OVERSEERS),
    Page("GET", f"{_LISTING}/files/{{file}}", serving.any_file, OVERSEERS),
    Page("GET", f"{_LISTING}/thumbnails/{{file}}", serving.any_thumbnail, OVERSEERS),
    Page("POST", f"{_LISTING}/publish", publishing.publish, ADMINISTRATORS),
    Page("GET", f"{_LISTING}/correct", correcting.form, ADMINISTRATORS),
    UploadPage("POST", f"{_LISTING}/correct", correcting.correct, ADMINISTRATORS, uploads.UPLOAD_LIMIT),
    Page("POST", f"{_LISTING}/requests/{{request}}/refuse", review.refuse_request, ADMINISTRATORS),
    Page("POST", f"{_LISTING}/acts/{{act}}", review.carry_out, ADMINISTRATORS),
)
