"""The platform's own documents, as PDF and OFD, in the eyes of the assistant: every page, with the seal."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from signing.assistant.showing import show
from signing.documents import Named, hole, prepare
from signing.ofd.writing import ofd_from_pdf
from tests.assistantkit import Equipped, Issuer
from tests.unit.test_documents_rendering import confirmation, contract
from trading.documents.forms import Contract, SaleConfirmation
from trading.documents.rendering import render

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def ukey(tmp_path_factory: pytest.TempPathFactory) -> Equipped:
    folder: Path = tmp_path_factory.mktemp("documents") / "ukeys"
    return Issuer().equip(folder, "乙方示例单位")


@pytest.mark.parametrize("kind", ["pdf", "ofd"])
@pytest.mark.parametrize(("make", "pages"), [(confirmation, 1), (contract, 3)])
def test_they_are_shown_whole_with_the_seal_in_place(
    ukey: Equipped, make: Callable[[], SaleConfirmation | Contract], pages: int, kind: str
) -> None:
    document = render(make(), as_of=NOW)
    if kind == "ofd":
        document = ofd_from_pdf(document, title="示例", created=NOW.date())
    prepared = prepare(document, ukey.seal, [Named("transferee")], at=NOW)
    shown = show(prepared)
    assert (shown.kind, len(shown.pages)) == (kind, pages)
    assert (shown.digest, shown.covers) == (hole(prepared).digest, hole(prepared).covers)
    sealed = [page for page in shown.pages if reds(page) > 5_000]
    assert len(sealed) == 1


def reds(page: bytes) -> int:
    with Image.open(io.BytesIO(page)) as image:
        colours = image.convert("RGB").getcolors(1 << 24) or []
    return sum(count for count, (red, green, _) in colours if red > 150 and green < 90)
