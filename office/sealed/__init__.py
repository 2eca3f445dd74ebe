"""The link between a person and a lot: who registered, who holds which paddle. Nothing else knows it."""

from office.sealed.paddles import *  # noqa: F403
from office.sealed.paddles import StillSealed as StillSealed
