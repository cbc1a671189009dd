"""The control room says how the stream stands, and keeps an alarm and the buttons in view."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from brackets import accounts, leases
from brackets.models import Account, Bracket
from tests import factories

ALARM = "the stop was refused: EOrder:Insufficient funds"


@pytest.fixture
def desk(market: Account, admin_user: Any, client: Client) -> Client:
    client.force_login(admin_user)
    return client


def room(desk: Client) -> str:
    """The renewed part of the first page, as a person sees its words."""
    html = desk.get("/admin/").content.decode()
    return html[html.index('id="control-room"') : html.index("</section>")]


def watch_says(account: Account, state: str, error: str = "") -> None:
    leases.take(accounts.watch_lease_name(account), "a watch", now=timezone.now(), seconds=5)
    Account.objects.filter(pk=account.pk).update(stream_state=state, stream_error=error)


@pytest.mark.parametrize(
    ("state", "words"),
    [("live", "stream live"), ("lost", "stream lost: polling"), ("connecting", "stream connecting: polling")],
)
def test_how_the_stream_stands_is_shown(desk: Client, market: Account, state: str, words: str) -> None:
    watch_says(market, state, "no heartbeat for 10 s")
    shown = room(desk)
    assert f'<span class="tag tag-stream-{state}"' in shown
    assert f">{words}</span>" in shown
    assert ("no heartbeat for 10 s" in shown) is (state != "live")


def test_a_watch_that_is_not_seen_hears_nothing(desk: Client, market: Account) -> None:
    Account.objects.update(stream_state="live")
    assert ">stream off</span>" in room(desk)


def test_an_alarm_has_a_line_of_its_own_under_its_bracket(desk: Client) -> None:
    quiet, loud = (factories.protect(factories.open_trade(symbol)) for symbol in ("ETH/USD", "BTC/USD"))
    Bracket.objects.filter(pk=loud.bracket_id).update(alarm=ALARM)

    bodies = re.findall(r"<tbody>(.*?)</tbody>", room(desk), re.DOTALL)

    assert [ALARM in body for body in bodies] == [True, False]  # the newest bracket first
    assert [len(re.findall("<tr", body)) for body in bodies] == [2, 1]
    row, alarm = re.findall(r"<tr.*?</tr>", bodies[0], re.DOTALL)
    assert ALARM in alarm and ALARM not in row
    cells = len(re.findall("<td", row))
    assert f'colspan="{cells}"' in alarm
    assert re.findall(r'data-label="(\w+)"', row) == [
        "bracket",
        "symbol",
        "state",
        "coins",
        "stop",
        "last",
        "target",
    ]
    assert quiet.symbol in bodies[1]
