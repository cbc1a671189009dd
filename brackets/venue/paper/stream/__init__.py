"""The paper venue's WebSocket v2, at /v2 beside REST: one address for public and private channels.

    on connect   {"channel":"status","type":"update","data":[{version,system,api_version:"v2",connection_id}]}
    ping         -> {"method":"pong",req_id,time_in,time_out}
    every second {"channel":"heartbeat"}, once something is subscribed
    subscribe, unsubscribe  {"method","params":{"channel",…},"req_id"?}
                 -> {"method","result":{"channel",…},"success":true,req_id,time_in,time_out}
                 or {"error":"…","method","success":false,"symbol"?,req_id,time_in,time_out}
    executions   token, snap_orders=true, snap_trades=false, order_status=true, ratecounter=false
    balances     token, snapshot=true
    ticker       symbol [..], event_trigger trades|bbo, snapshot=true; acknowledged symbol by symbol
    instrument   snapshot=true

`executions` and `balances` carry `sequence`, counted from 1 for each subscription of a connection: the
snapshot is 1. Numbers are JSON numbers with the engine's own digits; symbols are v2's (BTC/USD). What a
message of `executions` holds is written in `executions.py`. Orders are placed by REST alone.

The way: `socket.py` carries text, `session.py` is one connection, `hub.py` knows all of them and is told
what happened after it was stored; `trouble.py` is what a test may order to go wrong.
"""
