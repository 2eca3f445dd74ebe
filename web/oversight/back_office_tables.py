"""The tables that the back office shows, with the columns that it may show: no passwords, no boxes, no keys,
and no table from which one could read who registered for, pays for or bids on what."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, DateTime, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Shown(DeclarativeBase):
    """Maps existing tables; makes none."""

    type_annotation_map: ClassVar = {
        str: Text,
        int: BigInteger,
        bool: Boolean,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
    }


class ListingRow(Shown):
    __tablename__ = "listings"

    lot: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    state: Mapped[str]
    asset_class: Mapped[str]
    method: Mapped[str]
    place: Mapped[str]
    transferor: Mapped[str]
    starting_price: Mapped[int]
    increment: Mapped[int]
    deposit: Mapped[int]
    registration_starts: Mapped[datetime | None]
    registration_ends: Mapped[datetime | None]
    opens_at: Mapped[datetime | None]
    extensions: Mapped[int]
    final_price: Mapped[int | None]
    changed_at: Mapped[datetime]


class EventRow(Shown):
    __tablename__ = "listing_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    lot: Mapped[str]
    act: Mapped[str]
    before: Mapped[str]
    after: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    reason: Mapped[str]


class AnnouncementRow(Shown):
    __tablename__ = "announcements"

    id: Mapped[int] = mapped_column(primary_key=True)
    lot: Mapped[str]
    kind: Mapped[str]
    number: Mapped[str]
    title: Mapped[str]
    published_at: Mapped[datetime]


class LotRow(Shown):
    __tablename__ = "lots"

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    phase: Mapped[str]
    seq: Mapped[int]
    bids: Mapped[int]
    price: Mapped[int]
    leader: Mapped[str]
    sold: Mapped[bool | None]
    winner: Mapped[str]


class AccountRow(Shown):
    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    login: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    disabled: Mapped[bool]
    created_at: Mapped[datetime]


class TransactionRow(Shown):
    """That the bank says something, and when. Who paid how much is for finance alone: beside the deposits of
    the lots, which are public, an amount would tell what a payer bids for."""

    __tablename__ = "bank_transactions"

    id: Mapped[int] = mapped_column(primary_key=True)
    bank: Mapped[str]
    serial: Mapped[str]
    value_time: Mapped[datetime]
    source: Mapped[str]


class PostingRow(Shown):
    __tablename__ = "journal_postings"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    at: Mapped[datetime]
    line_count: Mapped[int]


class ProfileRow(Shown):
    __tablename__ = "rule_profiles"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    asset_class: Mapped[str]
    method: Mapped[str]
    version: Mapped[int]
    state: Mapped[str]
    fields: Mapped[dict[str, Any]]
    made_at: Mapped[datetime]
    published_at: Mapped[datetime | None]


class DayRow(Shown):
    __tablename__ = "working_day_overrides"

    day: Mapped[date] = mapped_column(primary_key=True)
    works: Mapped[bool]
    reason: Mapped[str]
    set_at: Mapped[datetime]
