"""The pages of writing certificates: clerks for every order, subscribers for their own."""

from typing import Final

from web.certificates import issue, write
from web.certificates.issue import CLERKS
from web.certificates.writing_flow import fetch
from web.routing import EVERYBODY, Page

_DESK: Final = "/certificates/issue/{number}"
_HOME: Final = "/certificates/write/{number}"

PAGES: Final[tuple[Page, ...]] = (
    Page("GET", _DESK, issue.show, CLERKS),
    Page("POST", f"{_DESK}/request-job", issue.request_job, CLERKS),
    Page("POST", f"{_DESK}/request", issue.requested, CLERKS),
    Page("POST", f"{_DESK}/install-job", issue.install_job, CLERKS),
    Page("POST", f"{_DESK}/installed", issue.installed, CLERKS),
    Page("POST", f"{_DESK}/fail", issue.fail, CLERKS),
    Page("GET", _HOME, write.show, EVERYBODY),
    Page("POST", f"{_HOME}/request-job", write.request_job, EVERYBODY),
    Page("POST", f"{_HOME}/request", write.requested, EVERYBODY),
    Page("POST", f"{_HOME}/install-job", write.install_job, EVERYBODY),
    Page("POST", f"{_HOME}/installed", write.installed, EVERYBODY),
    Page("GET", "/assistant/certificates/{address}", fetch, EVERYBODY),
)
