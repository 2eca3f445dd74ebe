"""pdfium is one for the whole process, and not for two threads at once: whoever uses it holds this lock."""

from threading import Lock
from typing import Final

PDFIUM: Final = Lock()
