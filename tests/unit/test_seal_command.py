"""`luochui seal`: from a UKey to a sealed document in the shell, with the real PKCS#11 module."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from luochui.commands import seal as command
from signing.documents import At, Straddle
from signing.ofd.writing import ofd_from_pdf
from signing.pdf.places import PlaceToMake, with_places
from signing.seal import Picture, make_seal
from signing.seal_picture import official_seal
from signing.token import virtual
from signing.token.port import Pin
from signing.verification import SealedDocument
from tests import sealkit
from tests.pagekit import plain_pdf

PIN = "135790"
LABEL = "sample"
CHEAP = 10
"""N = 2**10: these tests are not about guessing PINs."""


@pytest.fixture(scope="module")
def ukeys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one UKey: key, certificate, seal."""
    folder = tmp_path_factory.mktemp("ukeys")
    virtual.create(LABEL, pin=Pin(PIN), so_pin=virtual.random_so_pin(), folder=folder, cost=CHEAP)
    token = virtual.station(folder).token(LABEL)
    key = token.new_key(Pin(PIN))
    now = datetime.now(UTC).replace(microsecond=0)  # the command has no other clock
    valid = sealkit.Validity.of_days(now - timedelta(days=1), 30)
    wanted = sealkit.Wanted(sealkit.Name.of("甲方示例单位", "甲方示例单位"), key, sealkit.SUBSCRIBER, valid)
    certificate = sealkit.AUTHORITY.issue(wanted)
    maker = sealkit.issued("示例制章机构", sealkit.MAKER_KEY, sealkit.SEAL_MAKER, valid)
    info = sealkit.seal_info(
        created=now,
        valid_from=now,
        valid_until=now + timedelta(days=1),
        picture=Picture("svg", official_seal("甲方示例单位"), 42, 42),
        certificates=(certificate.der,),
    )
    token.store(certificate, make_seal(info, maker, sealkit.MAKER_KEY), (sealkit.CA,), Pin(PIN))
    return folder


@pytest.fixture
def run(ukeys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Run":
    monkeypatch.setenv(virtual.FOLDER_VARIABLE, str(ukeys))
    monkeypatch.setenv("LUOCHUI_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    return Run(tmp_path)


def app() -> typer.Typer:
    program = typer.Typer()
    command.register(program)
    return program


class Run:
    """One folder with documents, and the command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pin = folder / "pin"
        self.pin.write_text(f"{PIN}\n")
        self.pin.chmod(0o600)
        self.out = folder / "out"

    def __call__(self, data: bytes, *more: str) -> Result:
        document = self.folder / "in"
        document.write_bytes(data)
        paths = ["--document", str(document), "--out", str(self.out), "--pin-file", str(self.pin)]
        return CliRunner().invoke(app(), [*paths, "--token", LABEL, *more])


def seals(run: Run) -> list[tuple[str, list[int]]]:
    opened = SealedDocument.open(run.out.read_bytes())
    assert not opened.findings
    assert all(found.problem is None for found in opened.seals)
    assert all(found.digest == found.signature.digest for found in opened.seals if found.signature)
    assert all(found.coverage.holds for found in opened.seals)
    return [(found.name, [place.page for place in found.places]) for found in opened.seals]


def test_a_pdf_is_sealed_at_the_end_when_nothing_else_is_said(run: Run) -> None:
    done = run(plain_pdf(pages=2))
    assert (done.exit_code, done.stdout) == (0, f"Sealed with 甲方示例单位 (43010000000001): {run.out}\n")
    assert seals(run) == [("seal-1", [1])]


def test_an_ofd_is_sealed_too(run: Run) -> None:
    ofd = ofd_from_pdf(plain_pdf(pages=2), title="示例", created=sealkit.NOW)
    assert run(ofd, "--place", "2:100:100", "--place", "straddle").exit_code == 0
    assert seals(run) == [("seal-1", [1, 0, 1])]


def test_places_are_pages_names_and_straddle(run: Run) -> None:
    pdf = plain_pdf(pages=3)
    assert run(pdf, "--place", "1:100:100", "--place", "straddle:200").exit_code == 0
    assert seals(run) == [("seal-1", [0, 0, 1, 2])]
    named = with_places(pdf, [PlaceToMake("transferee", At(2, 60, 60), straddle=Straddle())])
    assert run(named, "--place", "transferee", "--place", "straddle").exit_code == 0
    assert seals(run) == [("transferee", [2, 0, 1, 2])]
    assert run(named).exit_code == 0
    assert seals(run) == [("transferee", [2])]


def test_places_for_later_seals_are_made_with_the_first(run: Run) -> None:
    pdf = plain_pdf(pages=2)
    done = run(pdf, "--reserve", "second=2:60:60:straddle:60", "--place", "1:100:100")
    assert done.exit_code == 0, done.output
    done = run(run.out.read_bytes(), "--place", "second", "--place", "straddle")
    assert done.exit_code == 0, done.output
    assert seals(run) == [("seal-2", [0]), ("second", [1, 0, 1])]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--place", "9:100:100"], "page 9 of a document of 2"),
        (["--place", "1:5:100"], "over the edge of a page of 210 by 297 mm"),
        (["--place", "nobody"], "has no place named 'nobody'"),
        (["--place", "1:x:3"], "1:x:3 is no place"),
        (["--reserve", "two"], "two is no place to reserve"),
        (["--profile", "unheard-of"], "there is no profile unheard-of"),
        (["--token", "lost"], "is plugged in"),
        (["--tsa", "ftp://tsa.example"], "the address of a time stamp authority is an HTTP address"),
        (["--tsa", "http://127.0.0.1:9/tsa"], "the time stamp authority does not answer"),
    ],
)
def test_what_goes_wrong_is_said_in_one_line_and_nothing_is_written(
    run: Run, more: list[str], said: str
) -> None:
    done = run(plain_pdf(pages=2), *more)
    assert done.exit_code == 1
    assert said in done.output
    assert len([line for line in done.output.splitlines() if "was not checked" not in line]) == 1
    assert not run.out.exists()


def test_a_wrong_pin_says_so_and_does_not_show_it(run: Run) -> None:
    run.pin.write_text("246802\n")
    done = run(plain_pdf())
    assert done.exit_code == 1
    assert "PIN" in done.output
    assert "246802" not in done.output
    run.pin.write_text(f"{PIN}\n")
    assert run(plain_pdf()).exit_code == 0, "the right one brings the tries back"


def test_a_pin_that_others_can_read_is_warned_of_and_without_a_terminal_nobody_is_asked(run: Run) -> None:
    run.pin.chmod(0o644)
    done = run(plain_pdf())
    assert (done.exit_code, "has mode 0644, others can read the PIN" in done.output) == (0, True)
    document = str(run.folder / "in")
    done = CliRunner().invoke(app(), ["--document", document, "--out", document, "--token", LABEL])
    assert (done.exit_code, "there is no terminal to ask at" in done.output) == (1, True)


def test_two_empty_places_are_a_question(run: Run) -> None:
    pdf = with_places(plain_pdf(), [PlaceToMake("a", At(0, 60, 60)), PlaceToMake("b", At(0, 60, 160))])
    done = run(pdf)
    assert (done.exit_code, "say --place with one of a, b" in done.output) == (1, True)


def test_a_new_place_in_a_sealed_document_is_refused(run: Run) -> None:
    assert run(plain_pdf()).exit_code == 0
    done = run(run.out.read_bytes(), "--place", "1:60:60")
    assert (done.exit_code, "would break that seal" in done.output) == (1, True)
    done = run(run.out.read_bytes(), "--reserve", "late=1:60:60")
    assert (done.exit_code, "places are made before the first one" in done.output) == (1, True)


def test_something_else_is_no_document(run: Run) -> None:
    done = run(b"PK\x03\x04 a package of something else")
    assert (done.exit_code, "neither a PDF nor an OFD" in done.output) == (1, True)
