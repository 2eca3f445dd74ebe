"""The tables of the sealed process: tags to find rows by, boxes that say what they are about."""

from typing import Final

from sqlalchemy import LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel


class SealedKeyRow(SQLModel, table=True):
    """Which key sealed this database."""

    __tablename__ = "sealed_key"

    one: bool = Field(default=True, primary_key=True)
    mark: str
    box: bytes = Field(sa_type=LargeBinary)


class SealedRegistration(SQLModel, table=True):
    __tablename__ = "sealed_registrations"

    registration: str = Field(primary_key=True)
    pair_tag: bytes | None = Field(default=None, sa_type=LargeBinary, unique=True)
    lot_tag: bytes = Field(sa_type=LargeBinary)
    account_tag: bytes = Field(sa_type=LargeBinary)
    identity_tag: bytes | None = Field(default=None, sa_type=LargeBinary)
    box: bytes = Field(sa_type=LargeBinary)


class SealedPaddle(SQLModel, table=True):
    """`listed` is false once it was taken off the list. The row stays, so that nobody else gets the paddle:
    connections and logs that know it as this person's stay right."""

    __tablename__ = "sealed_paddles"

    pair_tag: bytes = Field(sa_type=LargeBinary, primary_key=True)
    paddle_tag: bytes = Field(sa_type=LargeBinary, unique=True)
    lot_tag: bytes = Field(sa_type=LargeBinary)
    account_tag: bytes = Field(sa_type=LargeBinary)
    listed: bool = True
    box: bytes = Field(sa_type=LargeBinary)


class SealedPartner(SQLModel, table=True):
    __tablename__ = "sealed_partners"

    registration: str = Field(primary_key=True)
    account_tag: bytes = Field(sa_type=LargeBinary, primary_key=True)
    box: bytes = Field(sa_type=LargeBinary)


class SealedSubAccount(SQLModel, table=True):
    __tablename__ = "sealed_sub_accounts"

    sub_account_tag: bytes = Field(sa_type=LargeBinary, primary_key=True)
    registration_tag: bytes = Field(sa_type=LargeBinary, unique=True)
    box: bytes = Field(sa_type=LargeBinary)


class ClearPaddle(SQLModel, table=True):
    """The clear link of earlier versions: read once, when the sealed process first starts."""

    __tablename__ = "paddles"
    __table_args__ = (UniqueConstraint("lot", "paddle"),)

    lot: str = Field(primary_key=True)
    account_id: int = Field(primary_key=True)
    paddle: str
    rank: int = 0
    withdrawn: bool = False


key_row: Final = SQLModel.metadata.tables["sealed_key"].c
registrations: Final = SQLModel.metadata.tables["sealed_registrations"].c
paddles: Final = SQLModel.metadata.tables["sealed_paddles"].c
partners: Final = SQLModel.metadata.tables["sealed_partners"].c
sub_accounts: Final = SQLModel.metadata.tables["sealed_sub_accounts"].c
clear_paddles: Final = SQLModel.metadata.tables["paddles"].c
