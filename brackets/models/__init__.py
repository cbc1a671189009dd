"""The records of the mechanism. Machine-owned: only `brackets.operations` and the venue readers write."""

from brackets.models.account import Account, AssetBalance, Instrument, Quote
from brackets.models.bracket import Bracket, BracketEvent, Effect, Fill, Order
from brackets.models.lease import Lease
from brackets.models.sender import SenderKey
from brackets.models.stranger import Stranger

__all__ = [
    "Account",
    "AssetBalance",
    "Bracket",
    "BracketEvent",
    "Effect",
    "Fill",
    "Instrument",
    "Lease",
    "Order",
    "Quote",
    "SenderKey",
    "Stranger",
]
