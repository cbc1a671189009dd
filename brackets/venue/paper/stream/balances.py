"""The channel `balances`: what there is of each asset, then every ledger entry. Holds are not told."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from brackets.venue.paper.orders import ZERO, Entry
from brackets.venue.paper.pairs import ASSETS, asset_behind
from brackets.venue.paper.stream.wire import Json, asset_name, moment


def snapshot(balances: Mapping[str, Decimal]) -> list[Json]:
    """One item an asset, with its wallets: its own, and the one that earns."""
    wallets: dict[str, list[Json]] = {}
    for code, amount in balances.items():
        wallet_type, wallet_id = wallet_of(code)
        of_asset = wallets.setdefault(asset_name(asset_behind(code).altname), [])
        of_asset.append({"type": wallet_type, "id": wallet_id, "balance": amount})
    return [
        {
            "asset": name,
            "asset_class": "currency",
            "balance": sum((wallet["balance"] for wallet in of_asset), ZERO),
            "wallets": of_asset,
        }
        for name, of_asset in wallets.items()
    ]


def wallet_of(code: str) -> tuple[str, str]:
    """Type and id of the wallet a code stands for."""
    return ("spot", "main") if code in ASSETS else ("earn", "flex")


def item(entry: Entry) -> Json:
    """One ledger entry; `ref_id` of a trade's two entries is the trade's id."""
    wallet_type, wallet_id = wallet_of(entry.asset)
    return {
        "ledger_id": entry.ledger_id,
        "ref_id": entry.refid,
        "timestamp": moment(entry.at),
        "type": entry.kind,
        "asset": asset_name(asset_behind(entry.asset).altname),
        "asset_class": "currency",
        "category": entry.kind,
        "wallet_type": wallet_type,
        "wallet_id": wallet_id,
        "amount": entry.amount,
        "fee": entry.fee,
        "balance": entry.balance,
    }
