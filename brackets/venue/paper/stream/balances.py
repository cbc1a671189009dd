"""The channel `balances`: what there is of each asset, then every ledger entry. Holds are not told."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from brackets.venue.paper.orders import Entry
from brackets.venue.paper.pairs import ASSETS
from brackets.venue.paper.stream.wire import Json, asset_name, moment


def snapshot(balances: Mapping[str, Decimal]) -> list[Json]:
    return [
        {
            "asset": asset_name(ASSETS[code].altname),
            "asset_class": "currency",
            "balance": amount,
            "wallets": [{"type": "spot", "id": "main", "balance": amount}],
        }
        for code, amount in balances.items()
    ]


def item(entry: Entry) -> Json:
    """One ledger entry; `ref_id` of a trade's two entries is the trade's id."""
    return {
        "ledger_id": entry.ledger_id,
        "ref_id": entry.refid,
        "timestamp": moment(entry.at),
        "type": entry.kind,
        "asset": asset_name(ASSETS[entry.asset].altname),
        "asset_class": "currency",
        "category": entry.kind,
        "wallet_type": "spot",
        "wallet_id": "main",
        "amount": entry.amount,
        "fee": entry.fee,
        "balance": entry.balance,
    }
