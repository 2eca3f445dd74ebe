"""`python -m certificates.catalogue.schemas` writes the JSON Schemas of the data files beside them."""

import json
from pathlib import Path
from typing import Final

from certificates.catalogue.model import AuthorityList, ChannelRules
from certificates.catalogue.reading import schema

HERE: Final = Path(__file__).parent
FILES: Final[tuple[tuple[str, type[ChannelRules] | type[AuthorityList]], ...]] = (
    ("channel.schema.json", ChannelRules),
    ("authorities.schema.json", AuthorityList),
)

if __name__ == "__main__":
    for name, kind in FILES:
        text = json.dumps(schema(kind), indent=1, ensure_ascii=False) + "\n"
        HERE.joinpath(name).write_text(text, encoding="utf-8")
