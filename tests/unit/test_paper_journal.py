"""The paper venue's line log: every term of an order that a test may judge by is in its line."""

from __future__ import annotations

from brackets.venue.paper.forms import Form
from brackets.venue.paper.journal import request_line


def test_an_order_s_own_end_is_told() -> None:
    form = Form({"ordertype": "limit", "oflags": "post", "timeinforce": "GTD", "expiretm": "1767225600"})
    assert request_line("AddOrder", form, outcome="txid=O1") == (
        "AddOrder ordertype=limit oflags=post timeinforce=GTD expiretm=1767225600 -> txid=O1"
    )


def test_what_is_no_term_stays_out_of_the_log() -> None:
    form = Form({"nonce": "1", "otp": "secret", "pair": "ETHUSD"})
    assert request_line("AddOrder", form, outcome="ok") == "AddOrder pair=ETHUSD -> ok"
