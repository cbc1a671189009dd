"""What the paper venue refuses, in Kraken's words, before anything is placed."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from brackets.venue.paper.forms import Form, deadline_of, new_order, pair_of
from brackets.venue.paper.orders import Refused
from tests.unit.paper_desk import START, Desk

GOOD = {"pair": "ETHUSD", "type": "buy", "ordertype": "limit", "volume": "0.5", "price": "1900"}


def answer(**fields):
    """The error of an AddOrder with these fields, or None when it was taken."""
    desk = Desk()
    form = Form({name: value for name, value in (GOOD | fields).items() if value is not None})
    try:
        new = new_order(form, pair=pair_of(form), deadline_at=deadline_of(form), now=desk.now)
        desk.engine.add(new, now=desk.now)
    except Refused as refusal:
        assert not desk.engine.take_changes()
        return refusal.error
    return None


def at(seconds: int) -> str:
    return datetime.fromtimestamp(int(START) + seconds, UTC).isoformat().replace("+00:00", "Z")


def test_it_takes_a_good_order():
    assert answer() is None


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"pair": None}, "EGeneral:Invalid arguments:pair"),
        ({"pair": "DOGEUSD"}, "EQuery:Unknown asset pair"),
        ({"pair": "SOLUSD"}, "EQuery:Unknown asset pair"),  # Kraken lists it, this market does not
        ({"type": "long"}, "EGeneral:Invalid arguments:type"),
        ({"ordertype": "stop"}, "EGeneral:Invalid arguments:ordertype"),
        ({"ordertype": "trailing-stop"}, "EGeneral:Invalid arguments:ordertype"),
        ({"volume": None}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "0"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "-1"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "NaN"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "Infinity"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "1e3"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "0.123456789"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "99999999999"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "0.0019"}, "EOrder:Order minimum not met"),
        ({"price": None}, "EGeneral:Invalid arguments:price"),
        ({"price": "0"}, "EGeneral:Invalid arguments:price"),
        ({"price": "+5%"}, "EGeneral:Invalid arguments:price"),
        ({"price": "1900.001"}, "EOrder:Tick size check failed"),
        ({"price": "0.01", "volume": "0.002"}, "EOrder:Cost minimum not met"),
        ({"ordertype": "stop-loss", "price": None}, "EGeneral:Invalid arguments:price"),
        ({"ordertype": "stop-loss-limit", "price2": None}, "EGeneral:Invalid arguments:price2"),
        ({"ordertype": "stop-loss-limit", "price2": "1.001"}, "EOrder:Tick size check failed"),
        ({"oflags": "viqc"}, "EGeneral:Invalid arguments:viqc"),
        ({"oflags": "fciq,fcib"}, "EGeneral:Invalid arguments:oflags"),
        ({"oflags": "post", "ordertype": "market"}, "EGeneral:Invalid arguments:oflags"),
        ({"oflags": "post", "timeinforce": "IOC"}, "EGeneral:Invalid arguments:timeinforce"),
        ({"timeinforce": "PO"}, "EGeneral:Invalid arguments:timeinforce"),
        ({"timeinforce": "GTD"}, "EGeneral:Invalid arguments:expiretm"),
        ({"expiretm": str(int(START) - 1)}, "EGeneral:Invalid arguments:expiretm"),
        ({"expiretm": "+9999999"}, "EGeneral:Invalid arguments:expiretm"),
        ({"starttm": "+5"}, "EGeneral:Invalid arguments:starttm"),
        ({"leverage": "2:1"}, "EGeneral:Invalid arguments:leverage"),
        ({"trigger": "index"}, "EGeneral:Invalid arguments:Index unavailable"),
        ({"cl_ord_id": "x" * 19}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"cl_ord_id": "a", "userref": "5"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"userref": "2147483648"}, "EGeneral:Invalid arguments:userref"),
        ({"close[ordertype]": "market", "close[price]": "1"}, "EGeneral:Invalid arguments:close[ordertype]"),
        ({"close[ordertype]": "stop-loss"}, "EGeneral:Invalid arguments:close[price]"),
        ({"close[ordertype]": "stop-loss", "close[price]": "1800.001"}, "EOrder:Tick size check failed"),
        ({"deadline": at(-1)}, "EService:Deadline elapsed"),
        ({"deadline": at(1)}, "EGeneral:Invalid arguments:deadline"),
        ({"deadline": at(61)}, "EGeneral:Invalid arguments:deadline"),
        ({"deadline": "tomorrow"}, "EGeneral:Invalid arguments:deadline"),
        ({"deadline": "2024-01-01T00:00:00"}, "EGeneral:Invalid arguments:deadline"),
        ({"volume": "6"}, "EOrder:Insufficient funds"),
    ],
)
def test_it_names_what_is_wrong(fields, error):
    assert answer(**fields) == error


@pytest.mark.parametrize(
    "fields",
    [
        {"pair": "XETHZUSD"},
        {"pair": "ETH/USD"},
        {"deadline": at(2)},
        {"deadline": at(60)},
        {"cl_ord_id": "x" * 18},
        {"cl_ord_id": "6d1b345e-2821-40e2-ad83-4ecb18a06876"},
        {"cl_ord_id": "6d1b345e282140e2ad834ecb18a06876"},
        {"oflags": "fciq,post", "userref": "-5"},
        {"timeinforce": "GTD", "expiretm": "+60"},
        {"triggerPrice": "5", "stopLoss[triggerPrice]": "5"},  # ignored, as Kraken ignores them
        {"close[ordertype]": "stop-loss", "close[price]": "1800", "close[volume]": "7"},
    ],
)
def test_it_takes_what_kraken_takes(fields):
    assert answer(**fields) is None


def test_it_reads_json_close_terms_like_form_fields():
    nested = Form({"close": {"ordertype": "stop-loss", "price": "1800"}})
    assert nested.text("close[ordertype]") == "stop-loss"
    assert nested.number("close[price]") == Decimal(1800)


@pytest.mark.parametrize("text", ["true", "True", "1", True])
def test_it_reads_every_spelling_of_true(text):
    assert Form({"validate": text}).truth("validate")


@pytest.mark.parametrize("body", [b"\xff", b"[1]", b"{", b'"x"', b"[" * 100_000])
def test_it_refuses_a_body_that_is_no_json_object(body):
    with pytest.raises(Refused, match="EGeneral:Invalid arguments"):
        Form.of_body(body, content_type="application/json")
