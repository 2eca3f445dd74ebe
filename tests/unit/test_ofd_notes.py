"""Notes over the pages of an OFD: what is seen on the screen alone, or on paper alone, is not valid."""

import pytest

from signing.document_findings import ActiveContent
from signing.documents import Named
from signing.findings import Verdict
from signing.ofd.markup import NAMESPACE
from signing.ofd.package import read_package, write_package
from signing.verification import Report, verify
from tests.ofdfiles import document, seal
from tests.sealkit import NOW, trust

LIST, NOTES = "Doc_0/Annots/Annotations.xml", "Doc_0/Annots/Page_0/Annotation.xml"


def checked(*notes: str) -> Report:
    """A sealed document whose first page has these notes."""
    files = dict(read_package(document()))
    spaced = f'xmlns:ofd="{NAMESPACE}"'
    inside = "".join(
        f'<ofd:Annot ID="{900 + number}" Type="Path" Creator="x" LastModDate="2026-01-01" {each}>'
        '<ofd:Appearance Boundary="0 0 210 297"/></ofd:Annot>'
        for number, each in enumerate(notes)
    )
    listed = '<ofd:Page PageID="1"><ofd:FileLoc>Page_0/Annotation.xml</ofd:FileLoc></ofd:Page>'
    files[LIST] = f"<ofd:Annotations {spaced}>{listed}</ofd:Annotations>".encode()
    files[NOTES] = f"<ofd:PageAnnot {spaced}>{inside}</ofd:PageAnnot>".encode()
    named = f"<ofd:Annotations>/{LIST}</ofd:Annotations></ofd:Document>".encode()
    files["Doc_0/Document.xml"] = files["Doc_0/Document.xml"].replace(b"</ofd:Document>", named)
    return verify(seal(write_package(files), Named("transferor")), trust(), now=NOW)


@pytest.mark.parametrize("how", ['Visible="false"', 'Print="false"', 'Visible="true" Print="0"'])
def test_a_note_that_is_not_seen_everywhere_makes_it_invalid(how: str) -> None:
    report = checked('Visible="true"', how)
    assert report.verdict is Verdict.INVALID
    assert ActiveContent in {type(finding) for finding in report.findings}


def test_notes_that_everybody_sees_are_harmless() -> None:
    report = checked("", 'Visible="true" Print="true"')
    assert report.verdict is Verdict.VALID, [str(finding) for finding in report.findings]
