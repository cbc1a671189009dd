"""Decimals are kept to the last digit on whichever database the suite runs on."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max, Min, Sum

from brackets.models import Account, AssetBalance, Quote
from tests.integration.engine_venue import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return Account.objects.create(name="demo", mode="demo")


def keep(account: Account, asset: str, total: str) -> Decimal:
    AssetBalance.objects.create(
        account=account, asset=asset, total=Decimal(total), held=0, first_total=0, read_at=NOON
    )
    return AssetBalance.objects.get(asset=asset).total


@pytest.mark.parametrize(
    "text",
    [
        "99999999.9999999999",  # all eighteen digits
        "-99999999.9999999999",
        "12345678.9012345678",
        "0.0000000001",
        "-0.0000000001",
        "0",
        "753084.8807548318",
        "1E+7",
    ],
)
def test_eighteen_digits_come_back_as_they_went(account: Account, text: str) -> None:
    assert keep(account, "A", text) == Decimal(text)
    assert AssetBalance.objects.filter(total=Decimal(text)).count() == 1


@pytest.mark.parametrize(
    "text", ["0.00000000001", "100000000", "-100000000", "99999999.99999999999", "1E+30"]
)
def test_what_does_not_fit_is_refused_not_rounded(account: Account, text: str) -> None:
    with pytest.raises((ValueError, ValidationError, IntegrityError)), transaction.atomic():
        keep(account, "A", text)
    assert AssetBalance.objects.count() == 0


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused(account: Account, text: str) -> None:
    with pytest.raises((ValueError, ValidationError, ArithmeticError)), transaction.atomic():
        keep(account, "A", text)
    assert AssetBalance.objects.count() == 0


def test_order_filters_and_sums_are_exact(account: Account) -> None:
    texts = ["0.1", "0.2", "9.9999999999", "10.0000000001", "2"]
    for number, text in enumerate(texts):
        keep(account, f"A{number}", text)
    rows = AssetBalance.objects.order_by("total")
    assert [row.total for row in rows] == sorted(map(Decimal, texts))
    assert AssetBalance.objects.filter(total__lt=10).count() == 4
    assert AssetBalance.objects.filter(total__gte=Decimal("9.9999999999")).count() == 2
    found = AssetBalance.objects.aggregate(Sum("total"), Max("total"), Min("total"))
    assert found["total__sum"] == sum(map(Decimal, texts))
    assert (found["total__max"], found["total__min"]) == (Decimal("10.0000000001"), Decimal("0.1"))


def test_an_update_and_an_upsert_keep_every_digit(account: Account) -> None:
    price = Decimal("12345678.0123456789")
    row = Quote(account=account, symbol="X", bid=price, ask=price, last=price, read_at=NOON)
    Quote.objects.bulk_create([row])
    newer = Quote(account=account, symbol="X", bid=price + 1, ask=price, last=price, read_at=NOON)
    Quote.objects.bulk_create(
        [newer], update_conflicts=True, unique_fields=["account", "symbol"], update_fields=["bid"]
    )
    Quote.objects.update(last=price - 1)
    kept = Quote.objects.get()
    assert (kept.bid, kept.ask, kept.last) == (price + 1, price, price - 1)
    assert list(Quote.objects.values_list("bid", flat=True)) == [price + 1]
