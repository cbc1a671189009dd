"""The plug by REST and as a page: what it tells, to whom, and that the web asks the venue nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from brackets import plug
from brackets.models import Account, Bracket, Effect, Order
from tests import factories
from tests.integration.conftest import Caller
from trading.models import Trade
from trading.plug import table

LINE = {
    "bracket",
    "symbol",
    "state",
    "standing",
    "well",
    "coins",
    "stopped",
    "sell_only",
    "bare",
    "cost_per_coin",
    "bid",
    "bid_at",
    "stop_price",
    "target_price",
    "loss_at_stop",
    "unprotected_value",
    "worst_loss",
    "rests",
    "may_buy",
}
PAGE = "admin:plug"


@pytest.fixture
def position(market: Account) -> Trade:
    Account.objects.update(reconciled_at=timezone.now())
    return factories.protect(factories.open_trade("ETH/USD"))


@pytest.fixture
def desk(market: Account, admin_user: Any, client: Client) -> Client:
    client.force_login(admin_user)
    return client


def test_rest_tells_every_line_in_text_numbers(caller: Caller, position: Trade) -> None:
    told = caller.get("plug/").json()
    assert set(told) == {
        "at",
        "compared_at",
        "asked",
        "watch_alive",
        "well",
        "reasons",
        "summary",
        "slippage_ratio",
        "totals",
        "brackets",
        "differences",
    }
    (line,) = told["brackets"]
    assert set(line) == LINE
    assert (line["bracket"], line["standing"], told["well"]) == (position.bracket_id, "stopped", True)
    (rest,) = line["rests"]
    assert (rest["role"], rest["certainty"], rest["why"]) == ("stop", "read", None)
    assert Decimal(rest["quantity"]) == Decimal(line["coins"]) == position.quantity
    assert Decimal(line["worst_loss"]) > 0
    assert told["summary"].startswith(
        "If this machine died now: the one position is stopped by the paper venue;"
    )


def test_rest_wants_the_right_to_see_brackets(caller: Caller, market: Account) -> None:
    assert Caller(None).get("plug/").status_code == 401
    nobody = factories.a_user(username="nobody")
    answer = Caller(factories.a_token(nobody)).get("plug/")
    assert (answer.status_code, answer.json()["limit"]) == (403, "brackets.view_bracket")
    assert caller.get("plug/?ask=true").status_code == 400  # the web asks the venue nothing


def test_the_page_shows_a_bar_for_each_bracket(desk: Client, position: Trade) -> None:
    page = desk.get(reverse(PAGE)).content.decode()
    assert page.count('<svg class="plug-bar"') == 1
    assert page.count('class="plug-mark plug-stop plug-solid"') == 1  # rests
    assert page.count('class="plug-mark plug-target"') == 1  # is watched
    assert "bid 2499.99" in page and ">well<" in page
    assert f"/admin/brackets/bracket/{position.bracket_id}/change/" in page


def test_the_page_says_why_it_is_not_well(desk: Client, market: Account) -> None:
    trade = factories.open_trade("ETH/USD")
    entry = trade.bracket.orders.get()
    factories.report(trade, entry, factories.venue_id(), filled=entry.quantity, average_price=Decimal(2500))
    page = desk.get(reverse(PAGE)).content.decode()
    assert ">not well<" in page and ">nothing rests<" in page
    assert "no order at the venue is certain for" in page


def test_the_page_of_an_empty_account(desk: Client) -> None:
    page = desk.get(reverse(PAGE)).content.decode()
    assert "no coins of ours are held" in page and "plug-bar" not in page


def test_the_page_wants_the_right_to_see_brackets(market: Account, client: Client) -> None:
    client.force_login(factories.a_user(username="staff", is_staff=True))
    assert client.get(reverse(PAGE)).status_code == 403
    client.logout()
    assert client.get(reverse(PAGE)).status_code == 302


def test_the_page_only_shows(desk: Client) -> None:
    assert desk.post(reverse(PAGE)).status_code == 405


def test_the_first_page_leads_there(desk: Client) -> None:
    assert reverse(PAGE) in desk.get(reverse("admin:index")).content.decode()


# --- what is drawn and said of each standing ---------------------------------------------------------


def bought(trade: Trade) -> Trade:
    entry = trade.bracket.orders.get(role="entry")
    factories.report(trade, entry, factories.venue_id(), filled=entry.quantity, average_price=Decimal(2500))
    return trade


def test_a_waiting_entry_that_brings_its_stop_is_no_unbounded_loss(desk: Client, market: Account) -> None:
    factories.open_trade("ETH/USD")
    Effect.objects.update(sent_at=timezone.now())
    page = desk.get(reverse(PAGE)).content.decode()
    assert "No coins yet." in page and "It would lose about" in page
    assert 'class="plug-loss"' in page and "plug-open" not in page


def test_coins_that_lack_a_stop_are_drawn_to_the_edge(desk: Client, market: Account) -> None:
    bought(factories.open_trade("ETH/USD"))
    page = desk.get(reverse(PAGE)).content.decode()
    assert 'class="plug-loss plug-open" x1="0%"' in page
    assert "have no stop: all of it can be lost." in page


def test_a_stop_for_a_part_bounds_nothing(desk: Client, position: Trade) -> None:
    Order.objects.filter(role="stop").update(quantity=position.quantity / 2)
    page = desk.get(reverse(PAGE)).content.decode()
    assert 'class="plug-loss plug-open" x1="0%"' in page


def test_of_what_is_sold_nothing_can_be_lost(desk: Client, position: Trade) -> None:
    stop = Order.objects.get(role="stop")
    sold = {"filled": stop.quantity, "average_price": stop.trigger_price}
    factories.report(position, stop, stop.venue_order_id, **sold)
    assert Bracket.objects.get().state == "SL_FILLED"
    page = desk.get(reverse(PAGE)).content.decode()
    assert "No coins any more." in page and "Nothing of it can be lost." in page
    assert "plug-loss" not in page and "plug-gain" not in page


def test_no_loss_at_a_stop_is_called_the_most(desk: Client, caller: Caller, position: Trade) -> None:
    within = "where the stops sell within 0.5 %"
    page = desk.get(reverse(PAGE)).content.decode()
    assert "at most" not in page and "worst" not in page.lower().replace("worse of both", "")
    assert page.count(within) == 3  # in the sentence, over the sums, of the bracket
    assert within in caller.get("plug/").json()["summary"]
    assert any(within in line for line in table(plug.look(Account.objects.get(), timezone.now())))


def test_protected_coins_were_never_bought(desk: Client, position: Trade) -> None:
    assert "bought at 2" in desk.get(reverse(PAGE)).content.decode()
    Bracket.objects.update(held_quantity=position.quantity, held_price=Decimal(2400))
    page = desk.get(reverse(PAGE)).content.decode()
    assert page.count("reckoned at 24") == 2 and "bought at" not in page and ">bought" not in page
