"""Trades of coins that were there before booked the cost of all of them, whatever was sold. Those that are
closed are reckoned again, by the coins that left by their sells."""

from decimal import ROUND_HALF_EVEN, Decimal

from django.db import migrations

ZERO = Decimal(0)


def reckon_again(apps, schema_editor):
    trades = apps.get_model("trading", "Trade").objects.filter(
        status="CLOSED", bracket__held_quantity__gt=0, bracket__state="EXIT_COMPLETE"
    )
    for trade in trades.select_related("bracket").prefetch_related("bracket__orders", "bracket__fills"):
        fills, orders = trade.bracket.fills.all(), trade.bracket.orders.all()
        left = -sum((fill.base_amount - fill.base_fee for fill in fills), ZERO)
        cost = (max(left, ZERO) * trade.bracket.held_price).quantize(
            Decimal("1E-10"), rounding=ROUND_HALF_EVEN
        )
        trade.realized_pnl = sum((fill.quote_amount - fill.quote_fee for fill in fills), ZERO) - cost
        bought = sum((order.filled_quantity for order in orders if order.role == "entry"), ZERO)
        sold = sum((order.filled_quantity for order in orders if order.role != "entry"), ZERO)
        trade.quantity = max(bought, sold)
        risk = trade.quantity * (trade.entry_price - trade.initial_stop_loss_price)
        trade.r_multiple = (
            (trade.realized_pnl / risk).quantize(Decimal("1E-6"), rounding=ROUND_HALF_EVEN)
            if risk > 0
            else None
        )
        trade.save(update_fields=["realized_pnl", "quantity", "r_multiple"])


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0002_more_commands"),
        ("brackets", "0016_findings_in_turn_and_wanted_balances"),
    ]

    operations = [
        migrations.RunPython(reckon_again, migrations.RunPython.noop),
    ]
