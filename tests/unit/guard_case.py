"""What the tests of the guards share: the words of Binance, as the real ccxt class raises them."""

from __future__ import annotations

import ccxt
import pytest

URLS = {"spot": "https://api.binance.com/api/v3/order", "futures": "https://fapi.binance.com/fapi/v1/order"}


def binance(code: int, message: str = "no", *, kind: str = "futures") -> BaseException:
    """What the real ccxt class raises for this answer."""
    body = f'{{"code":{code},"msg":"{message}"}}'
    with pytest.raises(ccxt.BaseError) as raised:
        exchange = ccxt.binance()
        exchange.handle_errors(400, "", URLS[kind], "POST", {}, body, exchange.parse_json(body), {}, None)
    return raised.value
