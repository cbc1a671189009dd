"""Saying that auto-earn is on for a coin that is traded.

Coins that earn are counted and traded like the others (`core/holdings.py`). Yet a stop is a promise about
coins: Kraken says that one which triggers while coins were moved to Earn sells what it can get and is
canceled, and nowhere what happens when auto-earn moves coins between its two wallets in that moment. So the
owner is told as long as it is on.
"""

from __future__ import annotations

from datetime import datetime

from brackets.core.holdings import base_names, gather
from brackets.core.states import State
from brackets.models import Account, AssetBalance, Bracket, Instrument
from risk import alerts
from risk.core.plain import text

CODE = "auto_earn"
LATEST_BRACKETS = 50  # whose coins count as traded, beside those of open brackets


def traded_symbols(account: Account) -> set[str]:
    """The pairs of open brackets, and of those opened last: an alert does not come and go with each trade."""
    brackets = Bracket.objects.filter(account=account)
    still_open = set(brackets.exclude(state=State.EXIT_COMPLETE).values_list("symbol", flat=True))
    return still_open | set(brackets.order_by("-pk").values_list("symbol", flat=True)[:LATEST_BRACKETS])


def warn(account: Account, now: datetime) -> None:
    """Raise an alert for every traded coin that earns, and end those of coins that do not any more. Call it
    when balances were read."""
    pairs = Instrument.objects.filter(account=account, symbol__in=traded_symbols(account))
    rows = list(AssetBalance.objects.filter(account=account))
    earning: dict[str, str] = {}
    for pair in pairs:
        coins = gather(base_names(pair), rows)
        if coins is not None and coins.earning > 0:
            earning[f"coin {pair.base}"] = (
                f"Auto-earn is on for {pair.base}: {text(coins.earning)} of {text(coins.total)} are in its "
                f"earning wallet. They are counted and traded as {pair.base}, but a stop that triggers sells "
                "only what the venue lets it have then. Turn auto-earn off for coins that are traded."
            )
    told = set(alerts.open_alerts(account.name).filter(code=CODE).values_list("subject", flat=True))
    for subject in told - earning.keys():
        alerts.resolve_alert(account=account.name, code=CODE, subject=subject, at=now)
    for subject in earning.keys() - told:
        alerts.raise_alert(
            account=account.name,
            severity=alerts.Severity.WARNING,
            code=CODE,
            subject=subject,
            message=earning[subject],
            at=now,
        )
