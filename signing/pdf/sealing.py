"""The three steps of sealing a PDF file, under the names that `signing.documents` calls."""

from signing.pdf.embedding import fill, hole
from signing.pdf.preparing import prepare

__all__ = ["fill", "hole", "prepare"]
