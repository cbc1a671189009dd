"""Rows for tests: an account with a market on it, users with rights, and trades made through the real door.

`a_market` gives fresh prices, so the door needs no venue; `protect`, `close_by_target` and `close_by_stop`
lead a trade on through the events the venue's readings would make.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

import factory
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils import timezone

from brackets import operations
from brackets.core.events import OrderReported
from brackets.core.states import OrderStatus, Role
from brackets.models import Account, AssetBalance, Bracket, BracketEvent, Fill, Instrument, Order, Quote
from risk.models import SystemConfig
from trading import door, settle, tokens
from trading.models import Trade

PRICES = {"ETH/USD": Decimal("2500"), "BTC/USD": Decimal("60000"), "SOL/USD": Decimal("150")}
ASSETS = {"ETH": "XETH", "BTC": "XXBT", "SOL": "SOL", "USD": "ZUSD"}


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = get_user_model()

    username = factory.Sequence(lambda n: f"user{n}")
    is_staff = True


def a_user(*permissions: str, **values: Any) -> Any:
    """A user with the named permissions ("trading.trade"); `is_superuser=True` for all of them."""
    user = UserFactory(**values)
    for name in permissions:
        app, _, codename = name.partition(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


def a_token(user: Any) -> str:
    return tokens.issue(user, actor="test")


class AccountFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Account
        django_get_or_create = ("name",)

    name = "demo"
    mode = factory.SelfAttribute("name")
    recovered_at = factory.LazyFunction(timezone.now)
    venue_seen_at = factory.LazyFunction(timezone.now)
    venue_system = "online"


class SystemConfigFactory(factory.django.DjangoModelFactory):
    """Stops and targets that need no candles: 2 % below, twice the risk above. Entries at market, so that
    a price is a price; who wants limits says so."""

    class Meta:
        model = SystemConfig
        django_get_or_create = ("account",)

    account = "demo"
    execution_mode = SystemConfig.ExecutionMode.MARKET_ONLY
    stop_method = SystemConfig.StopMethod.PERCENT
    target_method = SystemConfig.TargetMethod.R_MULTIPLE


class InstrumentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Instrument
        django_get_or_create = ("account", "symbol")

    account = factory.SubFactory(AccountFactory)
    symbol = "ETH/USD"
    base = factory.LazyAttribute(lambda row: row.symbol.split("/")[0])
    quote = factory.LazyAttribute(lambda row: row.symbol.split("/")[1])
    base_asset = factory.LazyAttribute(lambda row: ASSETS[row.base])
    quote_asset = factory.LazyAttribute(lambda row: ASSETS[row.quote])
    altname = factory.LazyAttribute(lambda row: row.symbol.replace("/", "").replace("BTC", "XBT"))
    venue_symbol = factory.LazyAttribute(lambda row: f"{row.base_asset}{row.quote_asset}")
    tick_size = Decimal("0.01")
    lot_step = Decimal("0.00000001")
    minimum_quantity = Decimal("0.0001")
    minimum_cost = Decimal("0.5")
    taker_fee_ratio = Decimal("0.004")
    maker_fee_ratio = Decimal("0.0025")
    status = "online"
    read_at = factory.LazyFunction(timezone.now)


class QuoteFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Quote
        django_get_or_create = ("account", "symbol")

    account = factory.SubFactory(AccountFactory)
    symbol = "ETH/USD"
    last = factory.LazyAttribute(lambda row: PRICES[row.symbol])
    bid = factory.LazyAttribute(lambda row: row.last - Decimal("0.01"))
    ask = factory.LazyAttribute(lambda row: row.last + Decimal("0.01"))
    read_at = factory.LazyFunction(timezone.now)


class AssetBalanceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = AssetBalance
        django_get_or_create = ("account", "asset")

    account = factory.SubFactory(AccountFactory)
    asset = "ZUSD"
    total = Decimal("10000")
    held = Decimal("0")
    first_total = factory.SelfAttribute("total")
    read_at = factory.LazyFunction(timezone.now)


def a_market(*symbols: str) -> Account:
    """The account of the running mode, recovered, with dollars and fresh prices of `symbols`."""
    account = AccountFactory()
    SystemConfigFactory(account=account.name)
    AssetBalanceFactory(account=account)
    for symbol in symbols or PRICES:
        InstrumentFactory(account=account, symbol=symbol)
        QuoteFactory(account=account, symbol=symbol)
    return account


def open_trade(symbol: str = "ETH/USD", amount_usd: str = "50", **options: Any) -> Trade:
    """A trade through the door, its entry intended and not yet sent."""
    verdict = door.execute_buy(symbol, Decimal(amount_usd), **options)
    assert isinstance(verdict, door.Opened), verdict
    return verdict.trade


def protect(trade: Trade) -> Trade:
    """The entry filled at the ask, its attached stop read back: BRACKET_ACTIVE."""
    entry = trade.bracket.orders.get(role=Role.ENTRY)
    price = Quote.objects.get(account=trade.account, symbol=trade.symbol).ask
    parent = venue_id()
    report(trade, entry, parent, status=OrderStatus.FILLED, filled=entry.quantity, average_price=price)
    report(
        trade,
        None,
        venue_id(),
        parent=parent,
        quantity=entry.quantity,
        trigger_price=trade.bracket.planned_stop_price,
    )
    settle.consume(trade.account)
    trade.refresh_from_db()
    return trade


def close_by_stop(trade: Trade) -> Trade:
    """The resting stop triggered and sold everything; every fill is booked and the trade settled."""
    stop = trade.bracket.orders.get(role=Role.STOP)
    report(
        trade,
        stop,
        stop.venue_order_id,
        status=OrderStatus.FILLED,
        filled=stop.quantity,
        average_price=stop.trigger_price,
        triggered=True,
    )
    for order in trade.bracket.orders.all():
        book(order)
    settle.consume(trade.account)
    trade.refresh_from_db()
    return trade


def venue_id() -> str:
    return f"O{uuid.uuid4().hex[:16].upper()}"


def report(trade: Trade, order: Order | None, key: str, *, parent: str | None = None, **seen: Any) -> None:
    """One reading of one order."""
    now = timezone.now()
    seen.setdefault("status", OrderStatus.OPEN)
    seen.setdefault("filled", Decimal(0))
    seen.setdefault("quantity", order.quantity if order else None)
    event = OrderReported(
        at=now,
        venue_order_id=key,
        client_order_id=str(order.client_order_id) if order and order.client_order_id else None,
        parent_venue_order_id=parent,
        role_if_new=Role.STOP if parent else None,
        opened_at=now,
        ended_at=None if seen["status"] == OrderStatus.OPEN else now,
        **seen,
    )
    operations.apply(trade.bracket_id, event, actor="test")


def book(order: Order) -> Fill:
    """Book all that an order filled as one trade with a fee of 0.4 %, as the venue's ledger would say."""
    from brackets.core.events import FillBooked

    buys = order.role == Role.ENTRY
    cost = (order.quantity * order.average_price).quantize(Decimal("1E-10"))
    fee = (cost * Decimal("0.004")).quantize(Decimal("1E-10"))
    now: datetime = timezone.now()
    fill = Fill.objects.create(
        account=order.account,
        bracket=order.bracket,
        order=order,
        venue_trade_id=f"T{uuid.uuid4().hex[:16].upper()}",
        side=order.side,
        price=order.average_price,
        quantity=order.quantity,
        cost=cost,
        fee=fee,
        quote_amount=-cost if buys else cost,
        quote_fee=fee,
        base_amount=order.quantity if buys else -order.quantity,
        base_fee=Decimal(0),
        maker=False,
        executed_at=now,
        booked_at=now,
    )
    operations.apply(
        order.bracket_id,
        FillBooked(
            at=now,
            venue_order_id=order.venue_order_id,
            venue_trade_id=fill.venue_trade_id,
            quantity=fill.quantity,
        ),
        actor="test",
    )
    return fill


def everything_written() -> dict[str, int]:
    """How many rows a refused ask must not have added to."""
    models = (Trade, Bracket, Order, BracketEvent)
    return {model.__name__: model.objects.count() for model in models}
