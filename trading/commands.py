"""The life of a Command: whatever a person or script orders is stored, audited and answered once.

REST, admin and command line come through `submit`. The Command is written in the transaction of what it
causes (the trade, the exit's intent, the switched status), so a crash leaves both or neither; denied means
that nothing but the Command was written. How an accepted command ends is written by `trading/settle.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from brackets import accounts, outbox
from brackets.models import Account
from risk import journal
from risk.core.gate import Denial
from risk.models import SystemConfig
from trading import configuration, door, outcomes
from trading.core import asks
from trading.core.asks import (
    Ask,
    Buy,
    Close,
    Edit,
    ForceTest,
    LiquidateAll,
    Pause,
    Protect,
    Release,
    Resume,
    Sell,
)
from trading.edits import TRADE_CLOSED
from trading.market import MarketUnavailable
from trading.models import Command, Trade
from trading.release import release_position

VENUE_UNREACHABLE = "venue_unreachable"
STATUS = SystemConfig.SystemStatus


class BadCommand(door.BadInput):
    """The kind or a field of a command is malformed; says the limit and the value too."""

    def __init__(self, malformed: asks.Malformed) -> None:
        super().__init__(malformed.field, str(malformed))
        self.limit, self.value = malformed.limit, malformed.value


class IdempotencyConflict(Exception):
    """The same idempotency key came with another body; nothing was done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """Who asks. A key makes the same ask of the same user the same Command."""

    user: AbstractBaseUser | None
    actor: str
    idempotency_key: str | None = None


def submit(
    kind: str,
    payload: Mapping[str, object],
    *,
    user: AbstractBaseUser | None,
    actor: str,
    idempotency_key: str | None = None,
) -> Command:
    """Do what `kind` and `payload` ask, once per idempotency key, and return its Command.

    Raises door.BadInput (BadCommand for the fields themselves), market.UnknownSymbol, door.UnknownTrade,
    door.Recovering (entries only) and IdempotencyConflict; nothing was written then. A key needs a user.
    """
    try:
        ask = asks.parse(kind, payload)
    except asks.Malformed as malformed:
        raise BadCommand(malformed) from malformed
    return perform(ask, Asker(user=user, actor=actor, idempotency_key=idempotency_key))


def perform(ask: Ask, asker: Asker) -> Command:
    """The same for an ask that is already a value."""
    if asker.idempotency_key is not None and asker.user is None:
        raise ValueError("an idempotency key belongs to a user")
    account = accounts.current()
    earlier = asked_before(account, ask, asker)
    if earlier is not None:
        return earlier
    try:
        return act(account, ask, asker)
    except IntegrityError:
        # Somebody asked the same with the same key at the same moment, and was first.
        winner = asked_before(account, ask, asker)
        if winner is None:
            raise
        return winner


def act(account: Account, ask: Ask, asker: Asker) -> Command:
    match ask:
        case Buy() | ForceTest():
            return enter(account, ask, asker)
        case Sell():
            return sell(account, ask, asker)
        case Close():
            return close(account, ask, asker)
        case Edit():
            return edit(account, ask, asker)
        case Protect():
            return protect(account, ask, asker)
        case LiquidateAll():
            return liquidate(account, ask, asker)
        case Pause() | Resume():
            return switch(account, ask, asker)
        case Release():
            return release(account, ask, asker)


def asked_before(account: Account, ask: Ask, asker: Asker) -> Command | None:
    """The Command this key already stands for. Raises IdempotencyConflict when it was another ask."""
    if asker.idempotency_key is None:
        return None
    earlier = Command.objects.filter(
        account=account, user=asker.user, idempotency_key=asker.idempotency_key
    ).first()
    if earlier is not None and (earlier.kind, earlier.payload) != (asks.kind_of(ask), asks.payload(ask)):
        raise IdempotencyConflict(
            f"The idempotency key {asker.idempotency_key!r} already stands for command {earlier.pk} "
            f"({earlier.kind}) with another content; nothing was done."
        )
    return earlier


def enter(account: Account, ask: Buy | ForceTest, asker: Asker) -> Command:
    """Through the door; the Command is written in the door's own transaction."""
    written: list[Command] = []

    def within(trade: Trade) -> None:
        written.append(store(account, ask, asker, status=Command.Status.ACCEPTED, trade=trade))

    forced = isinstance(ask, ForceTest)
    try:
        verdict = door.execute_buy(
            ask.symbol,
            ask.amount_usd,
            account=account,
            entry_type="market" if isinstance(ask, ForceTest) else ask.entry_type,
            stop_loss_price=None if isinstance(ask, ForceTest) else ask.stop_loss_price,
            take_profit_price=None if isinstance(ask, ForceTest) else ask.take_profit_price,
            source=Trade.Source.FORCE_TEST if forced else Trade.Source.COMMAND,
            actor=asker.actor,
            within=within,
        )
    except MarketUnavailable as error:
        return deny(account, ask, asker, *without_market(account, error))
    if isinstance(verdict, door.Denied):
        return deny(account, ask, asker, *verdict.denials)
    return written[0]


def without_market(account: Account, error: MarketUnavailable) -> tuple[Denial, ...]:
    """Why there is no entry while the market cannot be seen, the weightier reason first.

    Raises Recovering when the book was not yet compared with the venue."""
    paused = door.denied_before_looking(account)
    if paused is not None:
        return paused.denials
    if account.recovered_at is None:
        raise door.Recovering(door.why_recovering(account) if account.venue_error else str(error)) from error
    return (venue_unreachable(error),)


def venue_unreachable(error: MarketUnavailable) -> Denial:
    return Denial(
        code=VENUE_UNREACHABLE,
        message=f"The venue cannot be asked: {error}. Nothing was sent.",
        limit="reachable",
        value="unreachable",
    )


def sell(account: Account, ask: Sell, asker: Asker) -> Command:
    """Sell out of the open bracket; the Command is written in the transaction of the sale's intent. Its time
    is taken first: the sale's orders are those intended from then on."""
    written: list[Command] = []
    at = timezone.now()

    def within(trade: Trade, note: str) -> None:
        accepted = Command.Status.ACCEPTED
        written.append(store(account, ask, asker, status=accepted, trade=trade, message=note, at=at))

    try:
        verdict = door.execute_sell(
            ask.symbol, ask.amount_token, account=account, actor=asker.actor, within=within
        )
    except MarketUnavailable as error:
        return deny(account, ask, asker, venue_unreachable(error))
    return deny(account, ask, asker, *verdict.denials) if isinstance(verdict, door.Denied) else written[0]


def edit(account: Account, ask: Edit, asker: Asker) -> Command:
    """Move legs. What stands as asked already is done at once."""
    written: list[Command] = []

    def within(trade: Trade) -> None:
        written.append(store(account, ask, asker, status=Command.Status.ACCEPTED, trade=trade))

    try:
        verdict = door.edit_position(
            ask.trade,
            stop_loss_price=ask.stop_loss_price,
            take_profit_price=ask.take_profit_price,
            actor=asker.actor,
            within=within,
        )
    except MarketUnavailable as error:
        return deny(account, ask, asker, venue_unreachable(error))
    if isinstance(verdict, door.Denied):
        return deny(account, ask, asker, *verdict.denials, trade=Trade.objects.get(pk=ask.trade))
    verdict.trade.bracket.refresh_from_db()
    outcomes.finish_commands(verdict.trade, timezone.now())
    written[0].refresh_from_db()
    return written[0]


def protect(account: Account, ask: Protect, asker: Asker) -> Command:
    """A bracket around coins that are held; the Command is written in the same transaction."""
    written: list[Command] = []

    def within(trade: Trade) -> None:
        written.append(store(account, ask, asker, status=Command.Status.ACCEPTED, trade=trade))

    try:
        verdict = door.protect_position(
            ask.symbol,
            ask.quantity,
            stop_loss_price=ask.stop_loss_price,
            take_profit_price=ask.take_profit_price,
            account=account,
            actor=asker.actor,
            within=within,
        )
    except MarketUnavailable as error:
        return deny(account, ask, asker, venue_unreachable(error))
    return deny(account, ask, asker, *verdict.denials) if isinstance(verdict, door.Denied) else written[0]


def liquidate(account: Account, ask: LiquidateAll, asker: Asker) -> Command:
    """The kill switch: the Command is written in the transaction that pauses, and stays accepted until a
    reading of the venue shows that nothing of ours is left."""
    written: list[Command] = []

    def within(trades: list[Trade], before: str) -> None:
        changes = {
            "before": {"system_status": before},
            "after": {"system_status": STATUS.PAUSED},
            "trades": [trade.pk for trade in trades],
        }
        command = store(account, ask, asker, status=Command.Status.ACCEPTED, changes=changes)
        command.trades.set(trades)
        written.append(command)

    door.liquidate_all(ask.reason, account=account, actor=asker.actor, within=within)
    return written[0]


def close(account: Account, ask: Close, asker: Asker) -> Command:
    """Leave a trade. The row is locked first, so that settling it and ordering its end take turns."""
    at = timezone.now()
    with transaction.atomic():
        trade = Trade.objects.select_for_update().filter(account=account, pk=ask.trade).first()
        if trade is not None and trade.status == Trade.Status.CLOSED:
            denial = Denial(
                code=TRADE_CLOSED,
                message=f"Trade {trade.pk} is already closed ({trade.exit_reason}); nothing was sent.",
                limit=Trade.Status.OPEN,
                value=trade.status,
            )
            return deny(account, ask, asker, denial, trade=trade)
        leaving = door.close_position(ask.trade, actor=asker.actor)
        return store(account, ask, asker, status=Command.Status.ACCEPTED, trade=leaving, at=at)


def release(account: Account, ask: Release, asker: Asker) -> Command:
    """Go on with a held position: done as soon as the machine took it, and it says where that led."""
    written: list[Command] = []

    def within(trade: Trade) -> None:
        message = f"bracket {trade.bracket_id} is {trade.bracket.state} now"
        written.append(store(account, ask, asker, status=Command.Status.DONE, trade=trade, message=message))

    verdict = release_position(ask.trade, ask.reason, actor=asker.actor, within=within)
    if isinstance(verdict, door.Denied):
        return deny(account, ask, asker, *verdict.denials, trade=Trade.objects.get(pk=ask.trade))
    return written[0]


def switch(account: Account, ask: Pause | Resume, asker: Asker) -> Command:
    """PAUSED or ACTIVE; asked again it is already so, which is said."""
    configuration.of(account)
    wanted = STATUS.PAUSED if isinstance(ask, Pause) else STATUS.ACTIVE
    with transaction.atomic():
        config = SystemConfig.objects.select_for_update().get(account=account.name)
        before = config.system_status
        message = f"{account.name} was already {wanted}"
        if before != wanted:
            config.system_status, config.status_reason = wanted, ask.reason
            config.save(update_fields=["system_status", "status_reason", "updated_at"])
            message = f"{account.name} is {wanted}"
        if wanted == STATUS.ACTIVE and not config.is_trading_active:
            message += "; is_trading_active is still off, so no entry leaves"
        switched = store(
            account,
            ask,
            asker,
            status=Command.Status.DONE,
            message=message,
            changes={"before": {"system_status": before}, "after": {"system_status": wanted}},
        )
    outbox.wake(account)  # entries that rest are canceled at the next look
    return switched


def deny(account: Account, ask: Ask, asker: Asker, *denials: Denial, trade: Trade | None = None) -> Command:
    """Keep a Command that was refused, with every limit it broke."""
    return store(account, ask, asker, status=Command.Status.DENIED, denials=denials, trade=trade)


def store(
    account: Account,
    ask: Ask,
    asker: Asker,
    *,
    status: Command.Status,
    trade: Trade | None = None,
    denials: tuple[Denial, ...] = (),
    message: str = "",
    changes: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> Command:
    """Write the Command and its audit row, in the transaction of what it causes where there is one."""
    at = at or timezone.now()
    content = asks.payload(ask)
    kept = [{"code": str(d.code), "message": d.message, "limit": d.limit, "value": d.value} for d in denials]
    with transaction.atomic():
        command = Command.objects.create(
            account=account,
            kind=asks.kind_of(ask),
            actor=asker.actor[:100],
            user=asker.user,
            idempotency_key=asker.idempotency_key,
            payload=content,
            status=status,
            denials=kept,
            message=message,
            trade=trade,
            created_at=at,
            finished_at=None if status == Command.Status.ACCEPTED else at,
        )
        journal.write(
            at=at,
            actor=asker.actor,
            action=f"command.{command.kind}",
            subject=f"command {command.pk}",
            payload={
                "asked": content,
                "status": str(status),
                "trade": trade.pk if trade else None,
                "denials": kept,
                **(changes or {}),
            },
        )
    return command
