"""The control channel: a listener of its own on 127.0.0.1 that lets a test be the weather.

It exists only where it was asked for on the command line (`--control-port N`; 0 takes a free one, which
the READY line names as `control=http://127.0.0.1:PORT`). `POST /COMMAND` with a JSON object answers 200
and an object, or 400 and `{"error": "one sentence"}`; then nothing was changed. Numbers may be texts.
Tests in Python use `tests/contract/paper_control.py`.

Faults of requests: `POST /fault`
    {"method": "AddOrder" | … | "*", "kind": …, "count": 1, "skip": 0, "match": {"type": "sell",
     "ordertype": "stop-loss", …}, "when": "before" | "after", "seconds": …, "error": …, "answer": …}
  `match` compares fields of the request as they were sent; `skip` lets so many matching ones pass.
  "*" is every private method; a public one (Ticker, OHLC, …) is struck where it is named.
    timeout_before       swallowed: never executed, never answered
    timeout_after        executed, never answered
    drop_before          the connection is cut, nothing executed
    drop_after           executed, the connection is cut
    late                 executed, answered after `seconds`
    delayed              arrives, and is judged and executed, only after `seconds`
    duplicate            arrives twice, the second time as a replay; `answer`: "first" (default), "second"
    http_502 http_520 html_200   a page, `when` "before" (default) or "after" the execution
    error                `error` is answered, `when` "before" (default) or "after" the execution
    warning_with_result  `error` (W…) beside the result
    id_none              executed, the result without its txid
    stale                OpenOrders, QueryOrders, ClosedOrders, Balance, BalanceEx as `seconds` ago;
                         without `seconds` as when the fault was ordered
  Every delivered fault is one line of the venue's log that begins with FAULT.
`POST /hold_release {"seconds"}`: canceled orders keep their coins reserved so long (0: not at all).
`POST /websocket {"action": …, "seconds"?, "channel"?, "count"?}`
    drop       all connections are cut           {"dropped": how many}
    refuse     new connections are refused (503) for `seconds`, or until calm
    silent     nothing is sent, no heartbeat either, for `seconds`, or until calm; what was not sent is lost
    skip lose duplicate disorder   the next `count` messages of `channel` (executions | balances)
`POST /calm {}`: no fault is left, requests and streams alike.

The market: `POST /price {"pair", "last", "bid"?, "ask"?, "depth"?}` puts a pair there, at once and until
`release`; bid is one tick below last, ask is last, if not given. `POST /depth {"pair", "depth"}` in coins.
`POST /freeze {}`: the market does not move by itself. `POST /release {}`: all of that is over.
`POST /mode {"mode", "pair"?}`: online, cancel_only, post_only, limit_only, reduce_only, maintenance.

The owner by hand: `POST /order {pair, type, ordertype, volume, price, …}` as AddOrder, `{"txid"}` back;
`POST /cancel {"txid" | "cl_ord_id"}`; `POST /deposit` and `/withdraw {"asset": "ZUSD", "amount"}`.
`POST /earn {"asset": "XXBT", "amount", "back"?}` moves them into the earning wallet ("XBT.F"), or back.
`POST /look {}`: {open, faults, connections, subscribed, prices, balances, held}.
"""

from __future__ import annotations

import json
from decimal import Decimal

from aiohttp import web

from brackets.venue.paper.control.commands import BadCommand, Controls


def control_app(controls: Controls) -> web.Application:
    """The commands over HTTP. Only JSON is taken, so that no page of a browser can send one."""

    async def command(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return _told({"error": "send JSON."}, status=415)
        try:
            fields = json.loads(await request.read() or b"{}", parse_float=Decimal)
            if not isinstance(fields, dict):
                raise BadCommand("send a JSON object.")
            return _told(controls.do(request.match_info["command"], fields), status=200)
        except json.JSONDecodeError:
            return _told({"error": "this is no JSON."}, status=400)
        except BadCommand as error:
            return _told({"error": str(error)}, status=400)

    app = web.Application()
    app.router.add_post("/{command}", command)
    return app


def _told(answer: dict[str, object], *, status: int) -> web.Response:
    return web.Response(text=json.dumps(answer), content_type="application/json", status=status)
