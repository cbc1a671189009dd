"""A request's body, form or JSON, as words, numbers and orders; what does not fit raises `Refused`.

Stands before the endpoints. Numbers become Decimals without passing through a float; fields nobody
knows are ignored, as Kraken ignores them (a client that misspells one gets no warning there either).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from brackets.venue.paper.amending import Edit
from brackets.venue.paper.orders import Amendment, Close, Kind, NewOrder, Refused, Side, TimeInForce
from brackets.venue.paper.pairs import Pair, find_pair
from brackets.venue.paper.rules import UNKNOWN_PAIR, invalid

NUMBER = re.compile(r"(\d{1,30}(\.\d{0,30})?|\.\d{1,30})", re.ASCII)
USERREF = range(-(2**31), 2**31)
MOST_FIELDS = 200
FLAGS = frozenset({"fciq", "fcib", "post", "nompp", "viqc"})
Word = TypeVar("Word", bound=StrEnum)


class Form:
    """The fields of one request; nested JSON objects are read as `name[field]`."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields: dict[str, Any] = {}
        for name, value in fields.items():
            if isinstance(value, Mapping):
                self.fields |= {f"{name}[{inner}]": part for inner, part in value.items()}
            else:
                self.fields[name] = value

    @classmethod
    def of_body(cls, body: bytes, *, content_type: str) -> Form:
        """Raises Refused when the body is neither a form nor a JSON object."""
        try:
            text = body.decode()
            if content_type.startswith("application/json"):
                fields = json.loads(text, parse_float=Decimal) if text.strip() else {}
                if not isinstance(fields, dict):
                    raise ValueError("no object")
            else:
                pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
                fields = dict(pairs)
        except (ValueError, RecursionError):
            raise Refused("EGeneral:Invalid arguments") from None
        return cls(fields)

    def text(self, name: str) -> str | None:
        """The field as text; None when it is absent or empty."""
        value = self.fields.get(name)
        if value is None or isinstance(value, list | dict):
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value).strip() or None

    def number(self, name: str) -> Decimal | None:
        """A plain number without sign, `%` or exponent. Raises Refused."""
        value = self.fields.get(name)
        if isinstance(value, Decimal):  # JSON's own number, which may be written with an exponent
            return value
        text = self.text(name)
        if text is None:
            return None
        if not NUMBER.fullmatch(text):
            raise invalid(name)
        return Decimal(text)

    def whole(self, name: str, default: int = 0) -> int:
        text = self.text(name)
        if text is None:
            return default
        if not re.fullmatch(r"-?\d{1,19}", text, re.ASCII):
            raise invalid(name)
        return int(text)

    def truth(self, name: str) -> bool:
        return (self.text(name) or "").lower() in {"true", "1"}

    def words(self, name: str) -> list[str]:
        """A comma list, or a JSON list of words."""
        value = self.fields.get(name)
        parts = value if isinstance(value, list) else (self.text(name) or "").split(",")
        return [str(part).strip() for part in parts if not isinstance(part, dict) and str(part).strip()]

    def objects(self, name: str) -> list[Form]:
        value = self.fields.get(name)
        if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
            raise invalid(name)
        return [Form(part) for part in value]

    def word(self, name: str, kind: type[Word], default: Word | None = None) -> Word:
        text = self.text(name)
        if text is None and default is not None:
            return default
        try:
            return kind(text or "")
        except ValueError:
            raise invalid(name) from None


def pair_of(form: Form) -> Pair:
    name = form.text("pair")
    if name is None:
        raise invalid("pair")
    pair = find_pair(name)
    if pair is None:
        raise Refused(UNKNOWN_PAIR)
    return pair


def new_order(form: Form, *, pair: Pair, deadline_at: Decimal | None, now: Decimal) -> NewOrder:
    """The order a form asks for. Raises Refused for what the paper venue does not offer, by name."""
    kind = form.word("ordertype", Kind)  # iceberg, trailing-stop, settle-position: not offered here
    flags = set(form.words("oflags"))
    if not flags <= FLAGS or {"fciq", "fcib"} <= flags:
        raise invalid("oflags")
    if "viqc" in flags:
        raise invalid("viqc")
    if form.text("leverage") not in (None, "none"):
        raise invalid("leverage")
    if form.truth("reduce_only"):
        raise Refused("EOrder:Reduce only:No position exists")  # Kraken's text is not established
    if form.text("trigger") not in (None, "last"):
        raise invalid("Index unavailable")
    if form.text("starttm") not in (None, "0"):
        raise invalid("starttm")
    volume = form.number("volume")
    if volume is None:
        raise invalid("volume")
    return NewOrder(
        symbol=pair.symbol,
        side=form.word("type", Side),
        kind=kind,
        volume=volume,
        price=form.number("price") if kind is not Kind.MARKET else None,
        price2=form.number("price2") if kind.waits and kind.ends_as_limit else None,
        post_only="post" in flags,
        fee_in_base="fcib" in flags,
        time_in_force=form.word("timeinforce", TimeInForce, TimeInForce.GTC),
        expires_at=_expiry(form, now=now),
        deadline_at=deadline_at,
        cl_ord_id=form.text("cl_ord_id"),
        userref=userref_of(form),
        close=_close(form),
    )


def amendment(form: Form) -> Amendment:
    txid, cl_ord_id = form.text("txid"), form.text("cl_ord_id")
    if (txid is None) == (cl_ord_id is None):
        raise Refused("EGeneral:Invalid arguments")
    return Amendment(
        txid=txid,
        cl_ord_id=cl_ord_id,
        volume=form.number("order_qty"),
        limit_price=form.number("limit_price"),
        trigger_price=form.number("trigger_price"),
        post_only=form.truth("post_only"),
        deadline_at=deadline_of(form),
    )


def edit(form: Form) -> Edit:
    """The new terms of EditOrder. Only a txid names the order here, not a userref."""
    txid = form.text("txid")
    if txid is None:
        raise invalid("txid")
    flags = set(form.words("oflags"))
    if not flags <= FLAGS:
        raise invalid("oflags")
    return Edit(
        txid=txid,
        volume=form.number("volume"),
        price=form.number("price"),
        price2=form.number("price2"),
        post_only="post" in flags if flags else None,
        userref=userref_of(form),
        deadline_at=deadline_of(form),
    )


def deadline_of(form: Form) -> Decimal | None:
    """RFC 3339 to Unix seconds."""
    text = form.text("deadline")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid("deadline") from None
    if moment.tzinfo is None or "T" not in text.upper():
        raise invalid("deadline")
    return Decimal(int(moment.timestamp())) + Decimal(moment.microsecond) / 1_000_000


def userref_of(form: Form) -> int | None:
    if form.text("userref") is None:
        return None
    number = form.whole("userref")
    if number not in USERREF:
        raise invalid("userref")
    return number or None  # 0 means none


def _expiry(form: Form, *, now: Decimal) -> Decimal | None:
    """`expiretm`: Unix seconds, `+n` seconds from now, or 0 for none."""
    text = form.text("expiretm")
    if text in (None, "0"):
        return None
    if text.startswith("+"):
        return now + form_number(text[1:], name="expiretm")
    return form_number(text, name="expiretm")


def form_number(text: str, *, name: str) -> Decimal:
    if not NUMBER.fullmatch(text):
        raise invalid(name)
    return Decimal(text)


def _close(form: Form) -> Close | None:
    if form.text("close[ordertype]") is None:
        return None
    kind = form.word("close[ordertype]", Kind)
    price = form.number("close[price]")
    if price is None:
        raise invalid("close[price]")
    second = form.number("close[price2]") if kind.waits and kind.ends_as_limit else None
    return Close(kind=kind, price=price, price2=second)
