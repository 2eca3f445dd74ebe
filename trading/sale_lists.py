"""Which documents of a sale stand in whose list, as conditions of a query."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from sqlalchemy import and_, exists, or_

from signing.documents import DocumentKind
from trading.sale_states import TURN, Paper, Party, SaleState, has_sealed
from trading.sale_tables import documents as _documents
from trading.sale_tables import versions as _versions


class Which(Enum):
    """Documents of a list."""

    DUE = auto()
    """That wait for the one who asks; of an overseer: for an account of the transferor."""
    OPEN = auto()
    ALL = auto()


def whose(account_id: int | None, which: Which) -> Any:
    waiting = _documents.state.in_([state.value for state in TURN])
    if account_id is None:
        lacks_transferor = and_(waiting, _documents.transferor_id.is_(None))
        return {Which.DUE: lacks_transferor, Which.OPEN: waiting, Which.ALL: _documents.id > 0}[which]
    accounts = _accounts_of(account_id)
    mine = or_(*accounts.values())
    if which is not Which.DUE:
        return mine if which is Which.ALL else and_(mine, waiting)
    turns = [
        and_(is_mine, _documents.state.in_([state.value for state, turn in TURN.items() if turn is party]))
        for party, is_mine in accounts.items()
    ]
    return or_(*turns, lacks_ofd_seal_of(account_id))


def _accounts_of(account_id: int) -> Mapping[Party, Any]:
    return {
        Party.TRANSFEREE: _documents.transferee_id == account_id,
        Party.TRANSFEROR: _documents.transferor_id == account_id,
    }


def lacks_ofd_seal_of(account_id: int) -> Any:
    """As `files_to_seal` finds an OFD that was left for later."""
    ofd = (_versions.document_id == _documents.id) & (_versions.kind == DocumentKind.OFD.value)

    def lacks(party: Party, is_mine: Any) -> Any:
        after = or_(
            *(
                and_(
                    _documents.paper == paper.value,
                    _documents.state.in_(
                        [state.value for state in SaleState if has_sealed(state, party, paper)]
                    ),
                )
                for paper in Paper
            )
        )
        sealed = exists().where(ofd, _versions.sealed_by == party.value)
        return and_(is_mine, after, exists().where(ofd), ~sealed)

    return or_(*(lacks(party, is_mine) for party, is_mine in _accounts_of(account_id).items()))
