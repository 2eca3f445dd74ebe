"""The book's time on a gateway: an offset to the monotonic clock, measured from its replies. Pure."""

from collections import deque
from typing import Final

SAMPLES: Final = 64


class BookTime:
    """The least delayed of the last replies is nearest to the truth: there the two clocks differ most. A book
    whose clock stepped back is followed within the window."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=SAMPLES)
        self._offset = 0.0

    @property
    def known(self) -> bool:
        return bool(self._samples)

    def heard(self, book_ms: int, monotonic_ms: float) -> None:
        """A reply of the book, made at `book_ms`, came in at `monotonic_ms`."""
        self._samples.append(book_ms - monotonic_ms)
        self._offset = max(self._samples)

    def now(self, monotonic_ms: float) -> int:
        return int(monotonic_ms + self._offset)
