"""How long texts and how large numbers of the catalogue may be. Money in fen."""

from typing import Annotated, Final

from pydantic import Field

MOST_ROWS: Final = 300
MOST_PRODUCTS: Final = 40
"""Every offer is looked at once for each of them."""
MOST_YEARS: Final = 5

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Word = Annotated[str, Field(min_length=1, max_length=100)]
EnglishName = Annotated[str, Field(max_length=150, pattern=r"^[ -~]*$")]
"""What English pages call it, in our translation; empty: as in Chinese."""
Text = Annotated[str, Field(max_length=2_000)]
Fen = Annotated[int, Field(ge=0, le=100_000_000)]
Days = Annotated[int, Field(ge=0, le=1_000)]
Years = Annotated[int, Field(ge=1, le=MOST_YEARS)]
