"""Finding what the account holds beyond our book: foreign orders, coins, missing coins.

The shell around `core/strangers.py`. No call is made for it: open orders are looked through when a cycle has
read them anyway (`note_orders`), coins are compared from the balances as last read or told (`compare_coins`).
What is found is a row of its own, journalled when it comes up, changes or goes; what is done about it is
decided on the upper floor.

Coins are compared only where book and balances can be of the same moment: every fill of the coin's brackets
is booked, none of their orders is Unknown, and the last fill is older than the reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from django.db import transaction
from django.db.models import Max

from brackets import reports
from brackets.core.holdings import base_names, wallets
from brackets.core.orders import Bracket
from brackets.core.states import OrderStatus
from brackets.core.strangers import OVER, ZERO, Finding, Kind, Seen, Status, seen, split, unseen
from brackets.models import Account, AssetBalance, Fill, Instrument, Stranger
from brackets.sight import Loaded, load_open
from brackets.venue.port import OrderReport
from risk import alerts, journal
from risk.core.plain import text

ACTOR = "strangers"
ALERT = "stranger"  # the code of the alert a person raises about one
EVERY_SECONDS = 60  # between two comparisons of coins
TOLD_SECONDS = 5  # … while the venue tells totals by itself
LAG = timedelta(seconds=3)  # a balance may show a fill so much later
LATE_FILLS = 200  # the newest ones; those of a reading's last seconds are among them
MONEY = frozenset({"USD", "EUR", "GBP", "CAD", "AUD", "CHF", "JPY"})
"""What pairs are paid in: more or less of it is no finding."""
PLACES = Decimal("1E-8")  # what a quantity column holds
FOUND = (
    "quantity",
    "terms",
    "status",
    "first_seen_at",
    "last_seen_at",
    "noticed",
    "noticed_terms",
    "noticed_at",
)
"""Fields of a finding that are columns of the same name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """One finding of one reading, with what it is of."""

    kind: Kind
    subject: str
    base: str
    symbol: str
    seen: Seen


# --- foreign orders ----------------------------------------------------------------------------------


def note_orders(
    account: Account, open_reports: Iterable[OrderReport], ours: Iterable[str], asked_at: datetime
) -> None:
    """Look through a whole reading of the open orders for those that are not ours; `ours` are venue ids that
    are known to be. One whose answer, or whose entry's number, is still on its way looks foreign once: only a
    second reading makes it a finding."""
    ours = frozenset(ours)
    strange = [report for report in open_reports if report.venue_order_id not in ours]
    known = there(account, [Kind.ORDER])
    if not strange and not known:
        return
    booked = reports.our_orders(account, strange) if strange else {}
    found = [order_sighting(r, asked_at) for r in strange if reports.match(booked, r) is None]
    keep(account, known, found, asked_at)


def order_sighting(report: OrderReport, asked_at: datetime) -> Sighting:
    left = max(report.quantity - report.filled_quantity, ZERO).quantize(PLACES, rounding=ROUND_DOWN)
    return Sighting(
        kind=Kind.ORDER,
        subject=report.venue_order_id,
        base=report.symbol.partition("/")[0],
        symbol=report.symbol,
        seen=Seen(quantity=left, terms=terms_of(report), at=asked_at),
    )


def terms_of(report: OrderReport) -> str:
    at = report.limit_price if report.trigger_price is None else report.trigger_price
    limit = None if at is report.limit_price else report.limit_price
    prices = (("at", at), ("limit", limit))
    said = " ".join(f"{name} {text(price)}" for name, price in prices if price is not None)
    return f"{report.side.value} {report.kind.value} {said}".rstrip()[:120]


# --- coins ---------------------------------------------------------------------------------------------


@dataclass
class Coin:
    """What is read and booked of one coin."""

    pairs: list[Instrument]
    brackets: list[Bracket] = field(default_factory=list)
    balances: list[AssetBalance] = field(default_factory=list)

    @property
    def booked(self) -> Decimal:
        """Coins our open brackets should have in the account, those known to be gone included."""
        return sum((max(bracket.coins, ZERO) + bracket.missing for bracket in self.brackets), ZERO)

    @property
    def pair(self) -> Instrument:
        """The pair by which these coins would be protected: in dollars and open, where there is one."""
        return min(self.pairs, key=lambda pair: (pair.quote != "USD", pair.status != "online", pair.symbol))

    @property
    def minimum(self) -> Decimal:
        return min(pair.minimum_quantity for pair in self.pairs)

    @property
    def read_at(self) -> datetime:
        """The balances are as old as the newest of the coin's wallets: one that did not change stays."""
        return max(row.read_at for row in self.balances)

    def is_comparable(self, moved_at: datetime | None) -> bool:
        """Whether book and balances are of the same moment; `moved_at` is when the coin was last traded."""
        certain = all(is_certain(bracket) for bracket in self.brackets)
        return bool(self.balances) and certain and (moved_at is None or moved_at < self.read_at - LAG)


def is_certain(bracket: Bracket) -> bool:
    """Whether it is known what the bracket holds: every fill is booked, no order's fate is open."""
    return all(o.fully_booked and o.status is not OrderStatus.UNKNOWN for o in bracket.orders)


def compare_coins(account: Account, now: datetime, brackets: Iterable[Loaded] | None = None) -> None:
    """Compare the coins of the account, as last read or told, with our book, coin by coin; nothing before the
    book itself was compared with the venue. `brackets` are the open ones with their loaded values, where the
    caller keeps them. A handful of queries, whatever the number of brackets."""
    if account.recovered_at is None or account.first_balances_at is None:
        return
    coins = coins_of(account, load_open(account) if brackets is None else brackets)
    moved = last_traded(account)
    known = there(account, [Kind.COINS, Kind.MISSING])
    for base, coin in coins.items():
        if coin.is_comparable(moved.get(base)):
            of_coin = {key: row for key, row in known.items() if row.base == base}
            keep(account, of_coin, coin_sightings(base, coin), min(coin.read_at, now))


def coins_of(account: Account, brackets: Iterable[Loaded]) -> dict[str, Coin]:
    """Every coin that is traded here, with its balances and the open brackets that hold it."""
    coins: dict[str, Coin] = {}
    owners: dict[str, str] = {}  # of each wallet
    for pair in Instrument.objects.filter(account=account).exclude(base__in=MONEY):
        coins.setdefault(pair.base, Coin(pairs=[])).pairs.append(pair)
        owners |= dict.fromkeys(wallets(base_names(pair)), pair.base)
    for row in AssetBalance.objects.filter(account=account, asset__in=owners):
        coins[owners[row.asset]].balances.append(row)
    for row, bracket in brackets:
        if row.base in coins:
            coins[row.base].brackets.append(bracket)
    return coins


def last_traded(account: Account) -> dict[str, datetime]:
    """When each coin was last traded by us, as far as the newest fills tell."""
    newest = Fill.objects.filter(account=account).order_by("-pk")[:LATE_FILLS]
    times: dict[str, datetime] = {}
    for base, executed_at in newest.values_list("bracket__base", "executed_at"):
        times[base] = max(executed_at, times.get(base, executed_at))
    return times


def coin_sightings(base: str, coin: Coin) -> list[Sighting]:
    """What the account holds beyond or short of our book. Below the pair's minimum nobody can do anything
    about it, so dust is no finding; what is missing always is."""
    total = sum((row.total for row in coin.balances), ZERO)
    first = sum((row.first_total for row in coin.balances), ZERO)
    parts = split(total=total, booked=coin.booked, first=first)
    beyond, missing = (part.quantize(PLACES, rounding=ROUND_DOWN) for part in (parts.beyond, parts.missing))
    found = ((Kind.COINS, beyond, beyond >= max(coin.minimum, PLACES)), (Kind.MISSING, missing, missing > 0))
    return [
        Sighting(
            kind=kind,
            subject=base,
            base=base,
            symbol=coin.pair.symbol,
            seen=Seen(quantity=quantity, terms="", at=coin.read_at),
        )
        for kind, quantity, counts in found
        if counts
    ]


def doubted_at(account: Account) -> datetime | None:
    """When the newest reading was made whose word about coins awaits a second one; None: none does."""
    rows = Stranger.objects.filter(account=account, kind__in=[Kind.COINS, Kind.MISSING])
    newest: datetime | None = rows.exclude(status__in=OVER).aggregate(at=Max("noticed_at"))["at"]
    return newest


# --- rows ------------------------------------------------------------------------------------------------

Key = tuple[str, str]  # kind and subject


def there(account: Account, kinds: list[Kind]) -> dict[Key, Stranger]:
    """The findings that are not over."""
    rows = Stranger.objects.filter(account=account, kind__in=kinds).exclude(status__in=OVER)
    return {(row.kind, row.subject): row for row in rows}


def keep(account: Account, known: dict[Key, Stranger], found: list[Sighting], at: datetime) -> None:
    """Take one reading in: what it shows, and what of the known it does not show."""
    shown: set[Key] = set()
    for sighting in found:
        key = (sighting.kind.value, sighting.subject)
        shown.add(key)
        row = known.get(key) or row_of(account, sighting)
        take_in(row.pk, lambda before, sighting=sighting: seen(before, sighting.seen), sighting)
    for key, row in known.items():
        if key not in shown:
            take_in(row.pk, lambda before: unseen(before, at))


def row_of(account: Account, sighting: Sighting) -> Stranger:
    """The row of a finding that is not there at the moment: the one it had before, as long as nobody decided
    about it; else a new one. Two processes may find it at once."""
    found = Stranger.objects.filter(account=account, kind=sighting.kind, subject=sighting.subject)
    last = found.order_by("-turn").first()
    if last is not None and not (last.is_settled and sighting.seen.at > last.last_seen_at):
        return last
    turn = 1 if last is None else last.turn + 1
    begun = Stranger(
        account=account,
        kind=sighting.kind,
        subject=sighting.subject,
        turn=turn,
        base=sighting.base,
        symbol=sighting.symbol,
        status=Status.GONE,  # until it is taken in
        first_seen_at=sighting.seen.at,
        last_seen_at=sighting.seen.at - LAG,
    )
    Stranger.objects.bulk_create([begun], ignore_conflicts=True)
    return found.get(turn=turn)


def take_in(key: int, change: Callable[[Finding], Finding], sighting: Sighting | None = None) -> None:
    """One finding a step further, in one transaction: a person may be deciding about it at this moment."""
    with transaction.atomic():
        row = Stranger.objects.select_for_update().get(pk=key)
        if row.is_settled:
            return  # decided at this moment, or a reading from before its end
        before = finding_of(row)
        after = change(before)
        if after == before:
            return
        for name in FOUND:
            setattr(row, name, getattr(after, name))
        if sighting is not None:
            row.symbol = sighting.symbol
        row.save()
        tell(row, before, after)


def finding_of(row: Stranger) -> Finding:
    values = {name: getattr(row, name) for name in FOUND}
    return Finding(**{**values, "status": Status(row.status)})


def tell(row: Stranger, before: Finding, after: Finding) -> None:
    """Journal what changed for people; that it is still there does not."""
    if (before.status, before.quantity, before.terms) == (after.status, after.quantity, after.terms):
        return
    if Status.NOTICED is after.status or (before.status is Status.NOTICED and after.status is Status.GONE):
        return  # one reading alone
    gone, at = after.status is Status.GONE, after.last_seen_at
    action = (
        "stranger.gone"
        if gone
        else "stranger.found"
        if before.status is Status.NOTICED
        else "stranger.changed"
    )
    payload = {
        "kind": row.kind,
        "subject": row.subject,
        "quantity": text(after.quantity),
        "terms": after.terms,
        "status": [before.status.value, after.status.value],
    }
    journal.write(at=at, actor=ACTOR, action=action, subject=f"stranger {row.pk}", payload=payload)
    if gone:
        alerts.resolve_alert(account=row.account.name, code=ALERT, subject=f"stranger {row.pk}", at=at)
