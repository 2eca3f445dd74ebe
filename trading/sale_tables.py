"""The tables of the documents of a sale, and their columns."""

from datetime import datetime
from typing import Final

from sqlalchemy import Column, DateTime
from sqlmodel import Field, SQLModel


class SaleRow(SQLModel, table=True):
    __tablename__ = "sale_documents"

    id: int | None = Field(default=None, primary_key=True)
    lot: str
    paper: str = "confirmation"
    number: str
    state: str
    transferee_id: int
    transferor_id: int | None = None
    transferee: str
    transferor: str
    title: str
    price: int
    made_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    changed_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    reason: str = ""
    ended_by: int | None = None
    remake: bool = False


class VersionRow(SQLModel, table=True):
    __tablename__ = "sale_versions"

    document_id: int = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    digest: str
    size: int
    made_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    sealed_by: str = ""
    ukey_id: int | None = None


documents: Final = SQLModel.metadata.tables["sale_documents"].c
versions: Final = SQLModel.metadata.tables["sale_versions"].c
accounts: Final = SQLModel.metadata.tables["accounts"].c
