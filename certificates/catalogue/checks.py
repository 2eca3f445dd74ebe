"""What the rows of a channel have to say about each other: no offer without price, steps, review. Pure."""

from collections.abc import Iterator

from certificates.catalogue.faults import CatalogueFault
from certificates.catalogue.model import ChannelRules


def faults_of(rules: ChannelRules) -> tuple[CatalogueFault, ...]:
    """Everything that does not fit together."""
    return tuple(_faults(rules))


def _faults(rules: ChannelRules) -> Iterator[CatalogueFault]:
    yield from ()
