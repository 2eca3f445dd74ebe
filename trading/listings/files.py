"""The files of listings: who may add and remove them, how many there may be. Their content is in
office.files, checked before (trading.listings.contents).

    taken = await asyncio.to_thread(take, kind, name, content)
    row = await ListingFiles(engine, files).add(lot, kind, taken, by=account_id, now=now)
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from office.files import Files
from trading.listings.contents import Taken
from trading.listings.file_kinds import BOUNDS, FileKind, FileRefused, FileWrong
from trading.listings.store import lock_draft, note

_COLUMNS: Final = (
    "id, lot, kind, name, media_type, size, digest, thumbnail, width, height, added_at, removed_at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingFile:
    """One file of a listing. `digest` and `thumbnail` are names in office.files."""

    id: int
    lot: str
    kind: FileKind
    name: str
    media_type: str
    size: int
    digest: str
    thumbnail: str
    width: int
    height: int
    added_at: datetime
    removed_at: datetime | None = None

    @property
    def public(self) -> bool:
        return BOUNDS[self.kind].public


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A checked file whose content is kept already."""

    taken: Taken
    digest: str
    thumbnail: str


class ListingFiles:
    """The files. Content first, row last: a kill in between leaves a file that nobody names."""

    def __init__(self, engine: AsyncEngine, files: Files) -> None:
        self._engine = engine
        self._files = files

    async def add(
        self, lot: str, kind: FileKind, taken: Taken, *, owner_id: int, now: datetime
    ) -> ListingFile:
        """To one's own draft. Raises UnknownListing, NotADraft, FileRefused."""
        kept = await self.keep(taken)
        try:
            async with self._engine.begin() as connection:
                await lock_draft(connection, lot, owner_id)
                row = await insert(connection, lot, kind, kept, by=owner_id, now=now)
                facts = {"kind": kind.value, "digest": row.digest}
                await note(connection, "lot.add_file", lot, owner_id, now, **facts)
                return row
        except IntegrityError as there:
            raise FileRefused(FileWrong.THERE_ALREADY) from there

    async def remove(self, lot: str, file: int, *, owner_id: int, now: datetime) -> bool:
        """From one's own draft; False when it is gone already. Raises UnknownListing, NotADraft."""
        async with self._engine.begin() as connection:
            await lock_draft(connection, lot, owner_id)
            done = await connection.execute(
                text(
                    "UPDATE listing_files SET removed_at = :now"
                    " WHERE id = :file AND lot = :lot AND removed_at IS NULL RETURNING id"
                ),
                {"file": file, "lot": lot, "now": now},
            )
            there = done.scalar_one_or_none() is not None
            if there:
                await note(connection, "lot.remove_file", lot, owner_id, now, file=file)
            return there

    async def of(self, lot: str, kinds: Collection[FileKind] = tuple(FileKind)) -> tuple[ListingFile, ...]:
        """What a listing has, in the order in which it came."""
        async with self._engine.connect() as connection:
            return await files_of(connection, lot, kinds)

    async def one(self, lot: str, file: int) -> ListingFile | None:
        async with self._engine.connect() as connection:
            found = await connection.execute(
                text(
                    f"SELECT {_COLUMNS} FROM listing_files"  # noqa: S608
                    " WHERE lot = :lot AND id = :file AND removed_at IS NULL"
                ),
                {"lot": lot, "file": file},
            )
            row = found.one_or_none()
        return _read(row) if row else None

    async def content(self, name: str) -> bytes:
        """Raises office.files.FileMissing, FileDamaged."""
        return await self._files.read(name)

    async def keep(self, taken: Taken) -> "KeptFile":
        """The content, before its row. For `insert`, where a file comes with an act."""
        kept = await self._files.keep(taken.content)
        thumbnail = (await self._files.keep(taken.thumbnail)).name if taken.thumbnail else ""
        return KeptFile(taken, kept.name, thumbnail)


async def files_of(
    connection: AsyncConnection, lot: str, kinds: Collection[FileKind]
) -> tuple[ListingFile, ...]:
    most = sum(BOUNDS[kind].most for kind in FileKind)
    found = await connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM listing_files"  # noqa: S608
            " WHERE lot = :lot AND kind = ANY (:kinds) AND removed_at IS NULL ORDER BY id LIMIT :most"
        ),
        {"lot": lot, "kinds": [kind.value for kind in kinds], "most": most},
    )
    return tuple(_read(row) for row in found)


def counted(files: Sequence[ListingFile]) -> Mapping[FileKind, int]:
    """How many there are of each kind."""
    return {kind: sum(1 for file in files if file.kind is kind) for kind in FileKind}


async def insert(
    connection: AsyncConnection, lot: str, kind: FileKind, kept: KeptFile, *, by: int, now: datetime
) -> ListingFile:
    """Beside the others, in the caller's transaction, which holds the listing's row: nobody else counts at
    the same time. Raises FileRefused when there are too many; IntegrityError when it is there already."""
    taken = kept.taken
    number = await connection.execute(
        text("SELECT count(*) FROM listing_files WHERE lot = :lot AND kind = :kind AND removed_at IS NULL"),
        {"lot": lot, "kind": kind.value},
    )
    if int(number.scalar_one()) >= BOUNDS[kind].most:
        raise FileRefused(FileWrong.TOO_MANY, most=BOUNDS[kind].most)
    values: dict[str, Any] = {
        "lot": lot,
        "kind": kind.value,
        "name": taken.name,
        "media_type": taken.media_type,
        "size": len(taken.content),
        "digest": kept.digest,
        "thumbnail": kept.thumbnail,
        "width": taken.width,
        "height": taken.height,
        "by": by,
        "now": now,
    }
    made = await connection.execute(
        text(
            "INSERT INTO listing_files (lot, kind, name, media_type, size, digest, thumbnail, width, height,"  # noqa: S608
            " added_by, added_at) VALUES (:lot, :kind, :name, :media_type, :size, :digest, :thumbnail,"
            f" :width, :height, :by, :now) RETURNING {_COLUMNS}"
        ),
        values,
    )
    return _read(made.one())


def _read(row: Row[Any]) -> ListingFile:
    return ListingFile(**{**row._mapping, "kind": FileKind(row.kind)})
