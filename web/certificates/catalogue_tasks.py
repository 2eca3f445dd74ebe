"""What waits for administrators about the catalogue: drafts of others, to be published."""

import tomllib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import text

from office.accounts import Person, Role
from trading.tasks import MOST, Source, Task
from web.languages import N_
from web.site import Site

_DRAFTS: Final = text(
    "SELECT id, key, content, made_at FROM catalogue_versions"
    " WHERE state = 'draft' AND made_by IS DISTINCT FROM :me ORDER BY made_at LIMIT :most"
)


async def drafts_to_publish(site: Site, person: Person, now: datetime) -> Sequence[Task]:
    """Who changed a draft can't publish it, so the others are asked."""
    if person.role is not Role.ADMINISTRATOR:
        return ()
    async with site.engine.connect() as connection:
        rows = await connection.execute(_DRAFTS, {"me": person.id, "most": MOST})
        return tuple(
            Task(
                kind="catalogue.publish",
                title=N_("核对并发布证书办理目录草稿：%(name)s"),
                address=f"/administration/catalogue/{row.id}",
                since=row.made_at,
                facts={"name": str(tomllib.loads(row.content).get("name", row.key))},
            )
            for row in rows
        )


SOURCES: Final[tuple[Source, ...]] = (drafts_to_publish,)
