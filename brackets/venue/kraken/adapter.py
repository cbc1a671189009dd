"""The port to a venue, answered by Kraken (or anything that speaks its protocol) through ccxt.

Writes go through ccxt's unified create_order, edit_order and cancel_order. Reads go through ccxt's implicit
endpoints (sign, send, decode) and are parsed here, because ccxt's own parsers hide what the bracket
lives by: they fold `pending` into `open` and let unknown statuses through, drop `refid`, `misc` and
`reason`, let the client order id and `userref` share a field, look a client order id up as a `userref`,
and pass quantities and prices through floats.

Every private request takes one turn of the key's sender (`brackets.venue.sender`): a nonce, the right to
send, and its cost in the rate budget. Demo and paper run this very class against the paper venue.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from brackets.venue.kraken import amending, answers, budget, parsing, placing
from brackets.venue.kraken.calls import Calls, Params
from brackets.venue.kraken.clock import ClockOffset
from brackets.venue.kraken.markets import Markets
from brackets.venue.kraken.pair_budget import Deed, Spending
from brackets.venue.kraken.wire import KrakenWire
from brackets.venue.port import (
    Accepted,
    AmendRequest,
    BalanceReading,
    CandleReading,
    Instrument,
    LedgerEntry,
    OrderReport,
    OrderRequest,
    Outcome,
    QuoteReading,
    Reason,
    Refused,
    TradeReport,
    UnknownSymbol,
    UnknownWord,
    VenueUnavailable,
)
from brackets.venue.sender import SenderSlot
from brackets.venue.treatments import Write

ORDERS_A_QUERY = 50
TRADES_A_QUERY = 20
PAIRS_NAMED = 200  # more do not fit into an address; naming none asks for all
NOT_SENT = "not sent"  # so begins what never reached the venue
SHORTEST_DEADLINE = timedelta(seconds=2)  # the venue takes none that is nearer
NOTHING_EXECUTED = Refused(
    reason=Reason.INVALID_ARGUMENTS,
    message="not sent: validate mode executes nothing, and Kraken validates new orders only",
)


class KrakenVenue:
    """One account at Kraken. Threads may share an instance; a process needs one per key."""

    def __init__(
        self,
        *,
        slot: SenderSlot,
        url: str,
        api_key: str,
        private_key: str,
        timeout_seconds: float = 5.0,
        validate_only: bool = False,
        patience_seconds: float = 0.0,
        give_way: Callable[[], bool] = lambda: False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._markets = Markets(
            lambda: KrakenWire(
                url=url, api_key=api_key, private_key=private_key, timeout_seconds=timeout_seconds
            ),
            monotonic=monotonic,
        )
        self.validate_only = validate_only  # nothing this adapter places becomes an order
        self._calls = Calls(
            slot=slot, markets=self._markets, patience_seconds=patience_seconds, give_way=give_way
        )
        self.clock = ClockOffset(self.server_time)

    @classmethod
    def from_settings(
        cls,
        slot: SenderSlot | None = None,
        *,
        patience_seconds: float = 0.0,
        give_way: Callable[[], bool] = lambda: False,
    ) -> KrakenVenue:
        """The venue of `settings.KRAKEN_*`. Nothing is asked of it yet: it may be down."""
        return cls(
            slot=slot or SenderSlot.from_settings(),
            url=settings.KRAKEN_API_URL,
            api_key=settings.KRAKEN_API_KEY,
            private_key=settings.KRAKEN_PRIVATE_KEY,
            timeout_seconds=float(settings.KRAKEN_TIMEOUT_SECONDS),
            validate_only=settings.TRADING_MODE == "validate",
            patience_seconds=patience_seconds,
            give_way=give_way,
        )

    # --- public reads ----------------------------------------------------------------------------

    def instruments(self) -> Sequence[Instrument]:
        """Every pair that can be read, at most an hour old."""
        return tuple(self._markets.fresh().catalogue.instruments)

    def instrument(self, symbol: str) -> Instrument:
        """One pair by any of its names. Raises UnknownSymbol."""
        return self._markets.fresh().catalogue.find(symbol)

    def quotes(self, symbols: Iterable[str]) -> Sequence[QuoteReading]:
        """Bid, ask and last of all symbols, by one call."""
        catalogue = self._markets.fresh().catalogue
        wanted = {catalogue.find(symbol).venue_symbol: symbol for symbol in symbols}
        if not wanted:
            return ()
        named = {"pair": ",".join(wanted)} if len(wanted) <= PAIRS_NAMED else {}
        result = self._calls.public("Ticker", named)
        missing = [symbol for key, symbol in wanted.items() if key not in result]
        if missing:
            raise VenueUnavailable(f"Kraken's Ticker left out {', '.join(missing)}")
        return [
            parsing.quote(symbol, parsing.mapping(result[key], f"ticker of {symbol}"))
            for key, symbol in wanted.items()
        ]

    def pair_statuses(self, symbols: Iterable[str]) -> Mapping[str, str]:
        """The market's mode of each pair as it is now (that of `instruments` may be an hour old)."""
        catalogue = self._markets.fresh().catalogue
        wanted = {catalogue.find(symbol).venue_symbol: symbol for symbol in symbols}
        if not wanted:
            return {}
        named = {"pair": ",".join(wanted)} if len(wanted) <= PAIRS_NAMED else {}
        result = self._calls.public("AssetPairs", named)
        return {
            symbol: parsing.pair_status(parsing.mapping(result[key], f"pair {key}"), f"pair {key}")
            for key, symbol in wanted.items()
            if key in result
        }

    def candles(self, symbol: str, *, minutes: int, limit: int) -> Sequence[CandleReading]:
        """The last `limit` bars, oldest first; the newest is not finished until its time is over."""
        pair = self._markets.fresh().catalogue.find(symbol)
        params = {"pair": pair.venue_symbol, "interval": minutes}
        result = self._calls.public("OHLC", params)
        rows = parsing.field(result, pair.venue_symbol, "OHLC")
        return parsing.candles(rows, symbol)[-limit:] if limit > 0 else []

    def system_status(self) -> str:
        return parsing.system_status(self._calls.public("SystemStatus", {}))

    def server_time(self) -> datetime:
        """Kraken's clock, in whole seconds."""
        return parsing.server_time(self._calls.public("Time", {}))

    def clock_offset(self) -> timedelta | None:
        """Venue time minus local time, measured at most every five minutes; None when not known."""
        return self.clock.offset()

    # --- writes ----------------------------------------------------------------------------------

    def place(self, request: OrderRequest, *, urgent: bool) -> Outcome:
        """Send one order, once. Raises only what the database or a transaction around it raises."""
        try:
            loaded = self._markets.known()
            instrument = loaded.catalogue.find(request.symbol)
        except UnknownSymbol as error:
            return Refused(reason=Reason.UNKNOWN_SYMBOL, message=str(error))
        except (VenueUnavailable, UnknownWord) as error:
            return not_known(error)
        refused = placing.refusal(request, instrument)
        if refused is not None:
            return refused
        call = placing.order_call(request, instrument, validate_only=self.validate_only)

        def send() -> Outcome:
            answer = loaded.wire.create_order(
                instrument.venue_symbol, call.type, call.side, call.amount, call.price, dict(call.params)
            )
            return answers.placed(answer, validation="validate" in call.body)

        outcome = self._calls.write(
            loaded.wire,
            send,
            kind=Write.PLACE,
            urgent=urgent,
            spending=self._spending(Deed.ADD, instrument.symbol),
            body=call.body,
            too_late=lambda: self._deadline_refusal(request.deadline_at),
        )
        return self._heeding_the_clock(outcome)

    def amend(self, request: AmendRequest, *, urgent: bool) -> Outcome:
        """Change an open order in place, once. Accepted names the order, whose id stays as it was."""
        if self.validate_only:
            return NOTHING_EXECUTED
        try:
            loaded = self._markets.known()
            instrument = loaded.catalogue.find(request.symbol)
        except UnknownSymbol as error:
            return Refused(reason=Reason.UNKNOWN_SYMBOL, message=str(error))
        except (VenueUnavailable, UnknownWord) as error:
            return not_known(error)
        refused = amending.refusal(request, instrument)
        if refused is not None:
            return refused
        call = amending.amend_call(request)

        def send() -> Outcome:
            answer = loaded.wire.edit_order(
                request.venue_order_id,
                instrument.venue_symbol,
                call.type,
                None,
                call.amount,
                call.price,
                dict(call.params),
            )
            return answers.amended(answer, venue_order_id=request.venue_order_id)

        outcome = self._calls.write(
            loaded.wire,
            send,
            kind=Write.AMEND,
            urgent=urgent,
            spending=self._spending(Deed.AMEND, instrument.symbol, touched_at=request.touched_at),
            body=call.body,
            too_late=lambda: self._deadline_refusal(request.deadline_at),
        )
        return self._heeding_the_clock(outcome)

    def cancel(
        self,
        venue_order_id: str,
        *,
        symbol: str | None = None,
        touched_at: datetime | None = None,
        urgent: bool = True,
    ) -> Outcome:
        """Ask for one order's end. Accepted says that it was asked, a reading says that it ended.

        `symbol` and `touched_at` (placed or last amended) tell what it costs; untold, it counts as dear.
        """
        return self._cancel((venue_order_id,), symbol=symbol, touched_at=touched_at, urgent=urgent)

    def cancel_by_client_id(
        self,
        client_order_id: str,
        *,
        symbol: str | None = None,
        touched_at: datetime | None = None,
        urgent: bool = True,
    ) -> Outcome:
        named = (None, None, {"clientOrderId": client_order_id})
        return self._cancel(named, symbol=symbol, touched_at=touched_at, urgent=urgent)

    def _cancel(
        self, named: tuple[Any, ...], *, symbol: str | None, touched_at: datetime | None, urgent: bool
    ) -> Outcome:
        if self.validate_only:
            return NOTHING_EXECUTED
        wire = self._markets.wire()
        return self._calls.write(
            wire,
            lambda: answers.canceled(wire.cancel_order(*named)),
            kind=Write.CANCEL,
            urgent=urgent,
            spending=self._spending(Deed.CANCEL, symbol, touched_at=touched_at),
        )

    def _spending(self, deed: Deed, symbol: str | None, *, touched_at: datetime | None = None) -> Spending:
        """What a write costs its pair. `touched_at` may be by the venue's clock or by ours; where they
        differ the later reading of it counts, for a young order is the dear one."""
        offset = self.clock.known()
        if touched_at is not None and offset is not None:
            touched_at = max(touched_at, touched_at - offset)
        if symbol is not None:
            symbol = self._markets.symbol_of(symbol)
        return Spending(deed=deed, symbol=symbol, touched_at=touched_at)

    def _deadline_refusal(self, deadline: datetime | None) -> Refused | None:
        """A deadline that passed while the order waited for its turn (as far as we know the clock)."""
        now = self.clock.venue_time()
        if deadline is None or now is None:
            return None
        left = deadline - now
        if left >= SHORTEST_DEADLINE:
            return None
        return Refused(
            reason=Reason.DEADLINE,
            message=f"not sent: the deadline is {left.total_seconds():.1f} s away, the venue wants "
            f"{SHORTEST_DEADLINE.total_seconds():g} s",
        )

    def _heeding_the_clock(self, outcome: Outcome) -> Outcome:
        """A deadline the venue did not take: its clock is not where it was measured, so measure it anew
        before the next one. A stale offset must not keep an exit from leaving."""
        said = "" if isinstance(outcome, Accepted) else outcome.message
        if "deadline" in said.lower() and not said.startswith(NOT_SENT):
            self.clock.doubt()
        return outcome

    # --- private reads ---------------------------------------------------------------------------

    def open_orders(self, *, urgent: bool = False) -> Sequence[OrderReport]:
        symbol_of = self._symbol_of()
        result = self._calls.private("OpenOrders", {"trades": "true"}, urgent=urgent)
        return parsing.orders(parsing.field(result, "open", "OpenOrders"), symbol_of)

    def orders(self, venue_order_ids: Sequence[str], *, urgent: bool = False) -> Sequence[OrderReport]:
        """The orders of these ids that the venue knows (yet); one it does not know is left out."""
        symbol_of = self._symbol_of()
        reports: list[OrderReport] = []
        for number, batch in enumerate(batches(venue_order_ids, ORDERS_A_QUERY)):
            params = {"txid": ",".join(batch), "trades": "true"}
            result = self._calls.private("QueryOrders", params, urgent=urgent, begun=number > 0)
            reports += parsing.orders(result, symbol_of)
        return reports

    def closed_orders(
        self, *, client_order_id: str | None = None, since: datetime | None = None, urgent: bool = False
    ) -> Sequence[OrderReport]:
        """Orders that ended, of one client order id or since a time, every page of them."""
        symbol_of = self._symbol_of()
        params: Params = {"trades": "true"}
        if client_order_id is not None:
            params["cl_ord_id"] = client_order_id
        if since is not None:
            params["start"] = start_of(since)
        pages = self._calls.pages("ClosedOrders", "closed", params, urgent=urgent)
        reports = parsing.orders(pages, symbol_of)
        return [
            report
            for report in reports
            if since is None or (ended := report.closed_at or report.opened_at) is None or ended >= since
        ]

    def trades(self, venue_trade_ids: Sequence[str], *, urgent: bool = False) -> Sequence[TradeReport]:
        symbol_of = self._symbol_of()
        reports: list[TradeReport] = []
        for number, batch in enumerate(batches(venue_trade_ids, TRADES_A_QUERY)):
            result = self._calls.private(
                "QueryTrades",
                {"txid": ",".join(batch)},
                cost=budget.HISTORY_COST,
                urgent=urgent,
                begun=number > 0,
            )
            reports += parsing.trades(result, symbol_of)
        return reports

    def trades_since(self, since: datetime) -> Sequence[TradeReport]:
        symbol_of = self._symbol_of()
        params: Params = {"start": start_of(since)}
        pages = self._calls.pages("TradesHistory", "trades", params, cost=budget.HISTORY_COST)
        reports = parsing.trades(pages, symbol_of)
        return [report for report in reports if report.executed_at >= since]

    def ledgers(self, *, since: datetime, urgent: bool = False) -> Sequence[LedgerEntry]:
        params: Params = {"start": start_of(since)}
        pages = self._calls.pages("Ledgers", "ledger", params, cost=budget.HISTORY_COST, urgent=urgent)
        return [entry for entry in parsing.ledgers(pages) if entry.booked_at >= since]

    def balances(self, *, urgent: bool = False) -> Sequence[BalanceReading]:
        return parsing.balances(self._calls.private("BalanceEx", {}, urgent=urgent))

    def websocket_token(self, *, urgent: bool = False) -> str:
        """The word that opens the private stream: within 15 minutes, by the holder of this key. A secret."""
        result = self._calls.private("GetWebSocketsToken", {}, urgent=urgent)
        token = result.get("token")
        if not isinstance(token, str) or not token:
            raise VenueUnavailable("Kraken's GetWebSocketsToken gave no token")
        return token

    def _symbol_of(self) -> Callable[[str], str]:
        """Kraken's pair names in our words; asked for before a turn is taken, for it may ask the venue."""
        return self._markets.fresh().catalogue.symbol_of


def not_known(error: Exception) -> Refused:
    return Refused(reason=Reason.RATE_LIMITED, message=f"not sent, the markets are not known: {error}")


def batches(ids: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    distinct = list(dict.fromkeys(ids))
    return (distinct[start : start + size] for start in range(0, len(distinct), size))


def start_of(since: datetime) -> int:
    """Kraken's `start` is in seconds and excludes itself: one earlier, the rest is cut by us."""
    return int(since.timestamp()) - 1
