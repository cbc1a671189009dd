"""Reading the venue's world into rows: instruments, prices, balances, health.

Public reads are free of the private budget; balances are not. A failed read changes no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from brackets.core.holdings import Holding, fold, gather, spot_name, wallets
from brackets.core.prices import round_down
from brackets.core.states import State
from brackets.core.timers import is_awaited, is_long
from brackets.models import Account, AssetBalance, Bracket, Instrument, Quote
from brackets.venue.port import BalanceReading, QuoteReading, Venue
from risk.models import SystemConfig

INSTRUMENTS_SECONDS = 300
FEW_PAIRS = 20
OF_LATE_SECONDS = 600
RECENT_BRACKETS = 50  # that were opened last; of these some may have closed of late
SETTLED = timedelta(seconds=3)
LONGEST_READING = timedelta(seconds=60)  # from the question to its answer, the wait for a turn included
BALANCE_PLACES = Decimal("1E-10")
LARGEST_BALANCE = Decimal(10) ** 8  # what the exact column holds


def refresh_instruments(account: Account, venue: Venue) -> list[Instrument]:
    """Read the venue's pairs and their rules. Raises VenueUnavailable."""
    now = timezone.now()
    readings = venue.instruments()
    known = {row.symbol: row for row in Instrument.objects.filter(account=account)}
    fresh, stale = [], []
    for reading in readings:
        row = known.get(reading.symbol)
        (stale if row else fresh).append(row := row or Instrument(account=account))
        row.update_from(reading)
        row.read_at = now
    # A known pair's mode is read by itself: this reading may be an hour old. The throttle is no reading.
    kept = {"id", "account", "status", "throttled_until"}
    names = [field.name for field in Instrument._meta.concrete_fields if field.name not in kept]
    with transaction.atomic():
        Instrument.objects.bulk_create(fresh, ignore_conflicts=True)
        Instrument.objects.bulk_update(stale, names, batch_size=200)
    return list(Instrument.objects.filter(account=account))


def instruments_are_stale(account: Account, now: datetime) -> bool:
    oldest = Instrument.objects.filter(account=account).order_by("read_at").first()
    return oldest is None or now - oldest.read_at > timedelta(seconds=INSTRUMENTS_SECONDS)


def symbols_to_price(account: Account) -> list[str]:
    """The pairs whose price is wanted every second: those of brackets that are open or were of late, and
    those that coins in the account are reckoned with; on a venue with few pairs simply all of them."""
    offered = set(Instrument.objects.filter(account=account).values_list("symbol", flat=True))
    if len(offered) <= FEW_PAIRS:
        return sorted(offered)
    late = timezone.now() - timedelta(seconds=OF_LATE_SECONDS)
    brackets = Bracket.objects.filter(account=account)
    wanted = set(brackets.exclude(state=State.EXIT_COMPLETE).values_list("symbol", flat=True))
    newest = brackets.order_by("-pk").values_list("symbol", "updated_at")[:RECENT_BRACKETS]
    wanted |= {symbol for symbol, updated_at in newest if updated_at > late}
    return sorted((wanted | reckoned_with(account)) & offered)


def reckoned_with(account: Account) -> set[str]:
    """The dollar pairs of the coins that are in the account, whatever wallet they are in."""
    assets = AssetBalance.objects.filter(account=account, total__gt=0).values_list("asset", flat=True)
    names = {spot_name(asset) for asset in assets}
    pairs = Instrument.objects.filter(account=account, quote="USD")
    # Whatever the coin is called there: all its names begin an altname or are columns of the pair.
    mentioned = Q(base_asset__in=names) | Q(base__in=names) | Q(altname__in={f"{name}USD" for name in names})
    return set(pairs.filter(mentioned).values_list("symbol", flat=True))


def holding(account: Account, names: Iterable[str]) -> Holding | None:
    """What was last read of one coin, over all its wallets; None where none of them ever was."""
    rows = AssetBalance.objects.filter(account=account, asset__in=wallets(names))
    return gather(names, rows)


def refresh_quotes(account: Account, venue: Venue, symbols: Iterable[str]) -> dict[str, Quote]:
    """Read the prices of `symbols` in one call and keep them. Raises VenueUnavailable."""
    wanted = list(symbols)
    if not wanted:
        return {}
    asked_at = timezone.now()
    rows = [quote_row(account, reading, asked_at) for reading in venue.quotes(wanted)]
    keep_quotes(rows)
    return {row.symbol: row for row in rows}


def quote_row(account: Account, reading: QuoteReading, read_at: datetime) -> Quote:
    """A price as a row, not saved. It is as old as the question it answered, or as when it was heard."""
    return Quote(
        account=account,
        symbol=reading.symbol,
        bid=reading.bid,
        ask=reading.ask,
        last=reading.last,
        read_at=read_at,
    )


def keep_quotes(rows: list[Quote]) -> None:
    """Write prices, one row a pair, by one statement."""
    Quote.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["account", "symbol"],
        update_fields=["bid", "ask", "last", "read_at"],
    )


def refresh_balances(account: Account, venue: Venue, *, urgent: bool = False) -> list[BalanceReading]:
    """Read all balances with their holds and keep them. Raises VenueUnavailable."""
    asked_at = timezone.now()
    readings = list(venue.balances(urgent=urgent))
    with transaction.atomic():
        # Threads may read at the same time: whoever stores first has made the first reading.
        locked = Account.objects.select_for_update().get(pk=account.pk)
        first_time = locked.first_balances_at is None
        account.first_balances_at, account.balances_read_at = locked.first_balances_at or asked_at, asked_at
        Account.objects.filter(pk=account.pk).update(
            first_balances_at=account.first_balances_at, balances_read_at=asked_at
        )
        keep_balances(account, readings, asked_at, first_time=first_time)
    measure_equity(account, asked_at, whole_at=asked_at)
    return readings


def want_balances(account: Account, at: datetime) -> None:
    """Ask whoever reads the venue for a reading of all balances that is asked for at `at` or later."""
    later = Q(balances_wanted_at__gte=at)
    Account.objects.filter(pk=account.pk).exclude(later).update(balances_wanted_at=at)


def balances_are_wanted(account: Account, now: datetime) -> bool:
    """Whether somebody waits for a reading of the balances that may be made now."""
    asked = (
        Account.objects.filter(pk=account.pk).values_list("balances_wanted_at", "balances_read_at").first()
    )
    wanted_at, read_at = asked or (None, None)
    return wanted_at is not None and wanted_at <= now and (read_at is None or read_at < wanted_at)


def keep_balances(
    account: Account, readings: list[BalanceReading], read_at: datetime, *, first_time: bool
) -> None:
    """One row an asset; an asset that shows up later was not there at first, one that is not shown any more
    is gone. A total that the venue told by itself since this was asked for is newer, and stays; one still
    further ahead was dated by a clock that was wrong."""
    rows = AssetBalance.objects.filter(account=account)
    told = {row.asset: row for row in rows if is_awaited(row.read_at, read_at, LONGEST_READING)}
    rows.exclude(asset__in=[*told, *(reading.asset for reading in readings)]).update(
        total=Decimal(0), held=Decimal(0), read_at=read_at
    )
    AssetBalance.objects.bulk_create(
        [
            AssetBalance(
                account=account,
                asset=reading.asset,
                total=newer.total if (newer := told.get(reading.asset)) else to_places(reading.total),
                held=to_places(reading.held),
                first_total=to_places(reading.total) if first_time else Decimal(0),
                read_at=newer.read_at if newer else read_at,
            )
            for reading in readings
            if abs(reading.total) < LARGEST_BALANCE
        ],
        update_conflicts=True,
        unique_fields=["account", "asset"],
        update_fields=["total", "held", "read_at"],
    )


def note_totals(account: Account, totals: Mapping[str, Decimal], read_at: datetime) -> bool:
    """Take totals that the venue told by itself, by asset in everybody's words ("BTC", "USD"); holds are not
    told and stay. Before the first reading nothing is taken: what was there at first is not known then.
    Whether a total changed."""
    with transaction.atomic():
        locked = Account.objects.select_for_update().get(pk=account.pk)  # in turn with whole readings
        return locked.first_balances_at is not None and keep_totals(account, totals, read_at)


def keep_totals(account: Account, totals: Mapping[str, Decimal], read_at: datetime) -> bool:
    codes: dict[str, str] = {}
    for base, code, quote, quote_code in Instrument.objects.filter(account=account).values_list(
        "base", "base_asset", "quote", "quote_asset"
    ):
        codes |= {base: code, quote: quote_code}
    told = {
        codes[name]: to_places(total)
        for name, total in totals.items()
        if name in codes and abs(total) < LARGEST_BALANCE
    }
    rows = {row.asset: row for row in AssetBalance.objects.filter(account=account, asset__in=told)}
    changed = False
    for asset, total in told.items():
        row = rows.get(asset) or AssetBalance(account=account, asset=asset, held=0, first_total=0)
        changed = changed or row.total != total
        row.total, row.read_at = total, read_at
        row.save()
    return changed


def balances_are_settled(account: Account, now: datetime) -> bool:
    """Whether the totals belong together. The venue tells each asset of a trade by itself: in between, the
    coins are there and the dollars are not gone yet."""
    return belong_together(account, list(AssetBalance.objects.filter(account=account)), now)


def belong_together(
    account: Account, rows: list[AssetBalance], now: datetime, *, whole_at: datetime | None = None
) -> bool:
    """Whether these totals are of one moment: told long enough ago, or all of one whole reading (asked for
    at `whole_at`, or the first of all)."""
    dates = {row.read_at for row in rows}
    if not dates:
        return False
    return is_long(max(dates), now, SETTLED) or dates in ({whole_at}, {account.first_balances_at})


def to_places(amount: Decimal) -> Decimal:
    return amount.quantize(BALANCE_PLACES, rounding=ROUND_DOWN)


def measure_equity(account: Account, now: datetime, *, whole_at: datetime | None = None) -> Decimal | None:
    """Equity in US dollars: dollars plus coins at the bid. Kept with its high-water mark; None, and what was
    kept stays, while a coin that is held has no price or the totals do not belong together yet. `whole_at`:
    when the whole reading was asked for that was just kept."""
    rows = list(AssetBalance.objects.filter(account=account))  # judged and reckoned from one look
    if not belong_together(account, rows, now, whole_at=whole_at):
        return None
    pairs = list(Instrument.objects.filter(account=account, quote="USD"))
    balances = {code: coins.total for code, coins in fold(rows, pairs).items()}
    bids = dict(Quote.objects.filter(account=account).values_list("symbol", "bid"))
    equity = Decimal(0)
    dollars_counted = False
    for instrument in pairs:
        if not dollars_counted:
            equity += balances.get(instrument.quote_asset, Decimal(0))
            dollars_counted = True
        coins = balances.get(instrument.base_asset, Decimal(0))
        if coins:
            if instrument.symbol not in bids:
                return None
            equity += coins * bids[instrument.symbol]
    if not dollars_counted:
        return None
    equity = round_down(equity, Decimal("0.0001"))
    with transaction.atomic():
        config = SystemConfig.objects.select_for_update().filter(account=account.name).first()
        if config is not None:
            config.initial_balance = equity if config.initial_balance is None else config.initial_balance
            config.high_water_mark = max(config.high_water_mark or config.initial_balance, equity)
            config.equity, config.equity_at = equity, now
            config.save(update_fields=["equity", "equity_at", "initial_balance", "high_water_mark"])
    return equity


def refresh_statuses(account: Account, venue: Venue, symbols: Iterable[str]) -> int:
    """Read the present market modes of these pairs, by one public call. Raises VenueUnavailable."""
    return note_statuses(account, venue.pair_statuses(list(symbols)).items())


def note_statuses(account: Account, statuses: Iterable[tuple[str, str]]) -> int:
    """Take the market status of pairs that the venue told; written only where it changed. Returns how many
    changed."""
    told = dict(statuses)
    changed = [
        row
        for row in Instrument.objects.filter(account=account, symbol__in=told)
        if row.status != told[row.symbol]
    ]
    for row in changed:
        Instrument.objects.filter(pk=row.pk).update(status=told[row.symbol])
    return len(changed)


def note_stream(account: Account, *, state: str, seen_at: datetime | None, error: str = "") -> None:
    """Remember how the private stream stands, for the status page."""
    values: dict[str, object] = {"stream_state": state, "stream_error": error[:300]}
    if seen_at is not None:
        values["stream_seen_at"] = seen_at
    Account.objects.filter(pk=account.pk).update(**values)


def note_private(account: Account, error: str = "") -> None:
    """Remember whether private calls are answered; written only when that changes."""
    Account.objects.filter(pk=account.pk).exclude(private_error=error[:300]).update(private_error=error[:300])


def note_answer(account: Account) -> None:
    """The venue answered: no failure is left to be shown. Written only when one was."""
    failing = Account.objects.filter(pk=account.pk).exclude(private_error="", venue_error="")
    failing.update(private_error="", venue_error="", venue_seen_at=timezone.now())


def note_venue(account: Account, *, error: str = "", system: str | None = None) -> None:
    """Remember whether the venue answers, for the status page."""
    values: dict[str, object] = {"venue_error": error[:300]}
    if not error:
        values["venue_seen_at"] = timezone.now()
    if system is not None:
        values["venue_system"] = system
    Account.objects.filter(pk=account.pk).update(**values)
