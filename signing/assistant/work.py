"""The assistant without its pages: takes jobs, prepares what is shown, signs what was agreed to."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from signing import SigningError
from signing.assistant import acts
from signing.assistant.acts import Fit, Ukeys, hindrance, judge
from signing.assistant.desk import PAGE_GONE, Answer, Desk, DeskError, Entry, State
from signing.assistant.fetching import FetchError
from signing.assistant.journal import Journal
from signing.assistant.keeping import own_key, own_secret, private_folder
from signing.assistant.opening import Opening
from signing.assistant.pairing import Pairings, Platform, look_up
from signing.assistant.patience import Patience
from signing.assistant.revocation import Lists
from signing.assistant.sessions import Sessions
from signing.assistant.settings import AssistantSettings
from signing.assistant.showing import NotShown, Shown, fetch_and_show, fetch_bundle
from signing.assistant.writing import ActError
from signing.installing import Bundle
from signing.jobs import (
    InstallTask,
    JobError,
    JobProblem,
    SealFilesTask,
    SealTask,
    UnlockTask,
    files_of,
    read_job,
    same_code,
)
from signing.sm2 import PrivateKey
from signing.token.port import Pin, PinLocked, PinState, TokenContents, TokenError, WrongPin

PREPARING_AT_ONCE: Final = 2
TURNS: Final = 16
MAX_SEEN: Final = 64

OTHER_PLATFORM: Final = "other-platform"
LOCKED: Final = PinLocked.code


@dataclass(frozen=True, slots=True)
class Given:
    """What the person put into a window. `new_pin` where the PIN has to be changed, or is unlocked."""

    serial: str
    pin: Pin = field(default_factory=lambda: Pin(""))
    new_pin: Pin = field(default_factory=lambda: Pin(""))
    again: Pin = field(default_factory=lambda: Pin(""))
    knows_final: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why it is not done yet: a word for messages with its facts, or what the UKey said."""

    code: str
    facts: tuple[tuple[str, str], ...] = ()
    error: TokenError | None = None


class Work:
    """One person's assistant. Blocking calls; safe in threads."""

    def __init__(
        self,
        settings: AssistantSettings,
        ukeys: Ukeys,
        *,
        lists: Lists | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        folder = private_folder(settings.folder)
        self.settings = settings
        self.ukeys = ukeys
        self.now = now
        self.pairings = Pairings(folder)
        self.desk = Desk(folder)
        self.journal = Journal(folder)
        self.patience = Patience(monotonic)
        self.lists = lists or Lists()
        self.sessions = Sessions(own_secret(folder))
        self.opening = Opening(folder, settings.opens)
        self.key: PrivateKey = own_key(folder)
        self._reading = threading.Lock()
        self._turns = tuple(threading.Lock() for _ in range(TURNS))
        self._seen: dict[str, TokenContents] = {}
        self._preparing = ThreadPoolExecutor(PREPARING_AT_ONCE, thread_name_prefix="preparing")

    def close(self) -> None:
        """Leave nothing behind that waits."""
        self._preparing.shutdown(wait=False, cancel_futures=True)
        self.opening.close()

    def tokens(self) -> tuple[TokenContents, ...]:
        """What is plugged in. One look at a time: each starts a process. Raises TokenError."""
        with self._reading:
            found = self.ukeys.tokens()
            self._seen |= {contents.info.serial: contents for contents in found}
            while len(self._seen) > MAX_SEEN:
                self._seen.pop(next(iter(self._seen)))
            return found

    def seen(self) -> tuple[TokenContents, ...]:
        """What was plugged in since the start, also what was pulled out again."""
        return tuple(self._seen.values())

    # ── pairing ──

    def pair(self, origin: str, code: str, phrase: str) -> Platform:
        """Pin the key of the platform whose code was typed. Raises PairingError."""
        paired = self.pairings.add(look_up(origin, code, demo=self.settings.demo), phrase)
        self.journal.write("paired", platform=origin, title=paired.name)
        return paired

    def is_paired(self, origin: str, code: str) -> bool:
        """Whether the platform is paired by this very code; pairing it again would shut its pages out."""
        known = self.pairings.get(origin)
        return known is not None and same_code(code, known.key)

    def unpair(self, origin: str) -> None:
        """Forget the platform, and what of it waits."""
        self.pairings.remove(origin)
        for entry in self.desk.open_entries(self.now()):
            if entry.platform.origin == origin:
                self.refuse(entry, "forbidden")
        self.journal.write("unpaired", platform=origin)

    # ── taking ──

    def submit(self, text: str, platform: Platform) -> Entry:
        """Take a job of a paired platform and begin to prepare it. Raises JobError, DeskError."""
        now = self.now()
        job = read_job(text, platform.key, now=now)
        if job.platform != platform.origin:
            raise DeskError(OTHER_PLATFORM)
        entry = self.desk.take(job, platform, now)
        self._preparing.submit(self._prepare, entry)
        return entry

    def submit_authorization(self, text: str) -> Entry:
        """An authorization code that the person pasted: an unlock job of any paired platform.

        Raises JobError, DeskError.
        """
        for platform in self.pairings.all():
            try:
                job = read_job(text, platform.key, now=self.now())
            except JobError as error:
                if error.problem is JobProblem.FORGED:
                    continue
                raise
            if job.platform != platform.origin or not isinstance(job.task, UnlockTask):
                raise DeskError("unlock.not_read")
            entry = self.desk.take(job, platform, self.now(), of_page=False)
            return self.desk.move(entry.id, State.WAITING) or entry
        raise DeskError("unlock.not_read")

    def _prepare(self, entry: Entry) -> None:
        try:
            task, origin, demo = entry.job.task, entry.platform.origin, self.settings.demo
            shown: tuple[Shown, ...] | Bundle = ()
            if isinstance(task, SealTask | SealFilesTask):
                shown = tuple(fetch_and_show(file, origin, demo=demo) for file in files_of(task))
            elif isinstance(task, InstallTask):
                shown = fetch_bundle(task, origin, demo=demo)
            if self.desk.show(entry.id, shown):
                self.opening.show(self.window_address(entry.id))
        except (FetchError, NotShown, DeskError) as error:
            self.refuse(entry, error.code)
        except Exception:  # whatever it was, the page must not wait for ever
            self.refuse(entry, "internal")
            raise

    def window_address(self, number: str) -> str:
        """The address of the job's window, with a fresh one-time secret."""
        return f"{self.settings.origin}/window/{self.desk.new_secret(number)}"

    def refuse(self, entry: Entry, code: str) -> None:
        """End it without a signature, and say why."""
        if self.desk.move(entry.id, State.REFUSED, refusal=code):
            self._log("refused", entry, why=code)

    def withdraw(self, entry: Entry) -> None:
        """The page that waits for it closes."""
        if self.desk.withdraw(entry.id):
            self._log("refused", entry, why=PAGE_GONE)

    # ── signing ──

    def judged(self, entry: Entry) -> tuple[Fit, ...]:
        """Each UKey, and whether it may be used. Raises TokenError."""
        fits = judge(entry.job, self.tokens(), self.now(), self.lists)
        self.desk.note(entry.id, hindrance(fits))
        return fits

    def confirm(self, entry: Entry, given: Given) -> Problem | None:
        """Do what the window showed, with this PIN. None: it is done, or over."""
        if self.desk.move(entry.id, State.SIGNING) is None:
            return None
        outcome: Answer | Problem
        try:
            with self._turn(given.serial):
                outcome = self._tried(entry, given)
        except ActError as error:
            self.refuse(entry, error.code)
            return None
        except SigningError:
            self.refuse(entry, "internal")
            return None
        except BaseException:
            self.desk.move(entry.id, State.WAITING)
            raise
        if isinstance(outcome, Problem):
            self.desk.move(entry.id, State.WAITING)
            self.desk.note(entry.id, outcome.code)
            return outcome
        self.desk.move(entry.id, State.DONE, answer=outcome)
        return None

    def _turn(self, serial: str) -> threading.Lock:
        """One PIN after the other for each UKey: a wrong one counts before the next window's is looked at.

        A few UKeys may share a turn, so that no invented serial takes up room.
        """
        return self._turns[hash(serial) % TURNS]

    def _tried(self, entry: Entry, given: Given) -> Answer | Problem:
        try:
            return self._confirmed(entry, given)
        except TokenError as error:
            return self._told(error, given.serial)

    def _confirmed(self, entry: Entry, given: Given) -> Answer | Problem:
        fits = {fit.contents.info.serial: fit for fit in self.judged(entry)}
        fit = fits.get(given.serial)
        if fit is None or fit.problem:
            return Problem(fit.problem if fit else hindrance(list(fits.values())) or "no-token")
        asks = acts.needs_pin(entry.job.task) or isinstance(entry.job.task, UnlockTask)
        if asks and (problem := self._too_early(fit.contents, given)):
            return problem
        token = self.ukeys.token(given.serial)
        if isinstance(entry.job.task, UnlockTask):
            if given.new_pin != given.again:
                return Problem("pin-differ")
            answer = acts.unlock(entry.job.task, token, given.new_pin, self.key)
            self._log("unlocked", entry, **_about(fit.contents))
        else:
            pin = given.pin
            if asks and fit.contents.info.pin_state is PinState.TO_BE_CHANGED:
                if problem := self._changed(fit.contents, given):
                    return problem
                pin = given.new_pin
            answer = acts.perform(entry, token, fit.contents, pin, self.now(), self.key)
            self._log_signed(entry, fit.contents)
        self.patience.was_right(given.serial)
        return answer

    def change_pin(self, given: Given) -> Problem | None:
        """On the own pages. None: it is changed."""
        with self._turn(given.serial):
            return self._pin_tried(given)

    def _pin_tried(self, given: Given) -> Problem | None:
        try:
            for contents in self.tokens():
                if contents.info.serial == given.serial:
                    if contents.info.pin_state is PinState.LOCKED:
                        return Problem(LOCKED)
                    return self._too_early(contents, given) or self._changed(contents, given)
            return Problem(acts.NO_UKEY)
        except TokenError as error:
            return self._told(error, given.serial)

    def _changed(self, contents: TokenContents, given: Given) -> Problem | None:
        if given.new_pin != given.again:
            return Problem("pin-differ")
        self.ukeys.token(given.serial).change_pin(given.pin, given.new_pin)
        self.patience.was_right(given.serial)
        self.journal.write("pin-changed", **_about(contents))
        return None

    def _too_early(self, contents: TokenContents, given: Given) -> Problem | None:
        """Whoever guesses waits; the last try is made knowingly."""
        if wait := self.patience.wait_s(given.serial):
            return Problem("pin-wait", (("seconds", str(int(wait) + 1)),))
        if contents.info.pin_state is PinState.FINAL_TRY and not given.knows_final:
            return Problem("pin-final")
        return None

    def _told(self, error: TokenError, serial: str) -> Problem:
        if isinstance(error, WrongPin | PinLocked):  # the last wrong one comes as PinLocked
            self.patience.was_wrong(serial)
            contents = self._seen.get(serial)
            self.journal.write(error.code, **(_about(contents) if contents else {"serial": serial}))
        return Problem(error.code, error=error)

    # ── the log ──

    def _log_signed(self, entry: Entry, contents: TokenContents) -> None:
        facts = _about(contents)
        if contents.certificate is not None:
            facts["certificate"] = str(contents.certificate)
        if isinstance(entry.job.task, SealTask | SealFilesTask):
            facts["document"] = " ".join(file.digest.hex() for file in files_of(entry.job.task))
        self._log("signed", entry, **facts)

    def _log(self, event: str, entry: Entry, **facts: str) -> None:
        about = {"kind": entry.job.kind.value, "title": entry.job.title, "platform": entry.platform.origin}
        self.journal.write(event, **about, **facts)


def _about(contents: TokenContents) -> dict[str, str]:
    """Which UKey it was, and whose, for the log."""
    facts = {"ukey": contents.info.label, "serial": contents.info.serial}
    if contents.certificate is not None:
        facts["holder"] = contents.certificate.subject.common_name or str(contents.certificate.subject)
    return facts
