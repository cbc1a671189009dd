"""Between a process and the venue: what becomes of each request and each answer on their way.

Takes the place of ccxt and the network under the product's own adapter: what arrives here is the very body
that would have left, and what goes back is what ccxt would have made of the answer: a result, an odd page,
or the exception of ccxt's own error table. So the product's reading of every answer is under test too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import Any

import ccxt

from brackets.venue.kraken.wire import KrakenWire, Sending
from tests.simulation.venue.dice import Dice
from tests.simulation.venue.house import LOOKED_UP_SECONDS, Answer, House, Letter
from tests.simulation.venue.options import AFTER, BEFORE, OF_PUBLIC, OF_READS, OF_WRITES, Fault

HTTP_WORDS = {502: "Bad Gateway", 520: ""}
PAGE = "<!DOCTYPE html><html><body>Just a moment...</body></html>"
WARNING = "WGeneral:Danger"
WRITES = ("AddOrder", "AmendOrder", "CancelOrder")
SILENT = (Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.LATE_REQUEST, Fault.LATE_ANSWER)
REFUSALS = (Fault.KEY_RATE, Fault.PAIR_RATE, Fault.WARNED, Fault.LATE_ANSWER)
READ_AGAIN_SECONDS = 3.0  # a reading that failed is made again within so long
LATEST_ANSWER = 0.98  # of the client's patience
Json = dict[str, Any]


@lru_cache(maxsize=1)
def codec() -> KrakenWire:
    """ccxt's own reading of errors. It never sends: no address of it is ever asked."""
    return KrakenWire(url="http://127.0.0.1:9", api_key="key", private_key="a2V5", timeout_seconds=1)


class Wire:
    """One process's way to the venue, in ccxt's words."""

    def __init__(
        self,
        house: House,
        process: str,
        *,
        wait: Callable[[float], None],
        boundary: Callable[[str], None],
    ) -> None:
        self.house, self.process = house, process
        self._wait, self._boundary, self._random = wait, boundary, house.random
        self._sending: Sending | None = None
        self.calm(house.options.rates)

    def calm(self, rates: Mapping[Fault, float] | None = None) -> None:
        """From here on every request arrives and is answered, but for these rates."""
        rates = rates or {}
        self._of_writes = Dice(self._random, rates, OF_WRITES)
        self._of_reads = Dice(self._random, rates, OF_READS)
        self._of_public = Dice(self._random, rates, OF_PUBLIC)

    # --- what the adapter calls ------------------------------------------------------------------------

    @contextmanager
    def sending(self, *, nonce: int, body: Mapping[str, object] | None = None) -> Iterator[Sending]:
        """The right to send one private request; taken up before anything waits."""
        sending = self._sending = Sending(nonce=nonce, body=body)
        try:
            yield sending
        finally:
            if self._sending is sending:
                self._sending = None

    def create_order(self, *_: object) -> Json:
        return named(self._write("AddOrder", None), "txid")

    def edit_order(self, *_: object) -> Json:
        return named(self._write("AmendOrder", None), "amend_id")

    def cancel_order(self, txid: str | None, symbol: str | None = None, params: Json | None = None) -> Json:
        by_name = {"cl_ord_id": (params or {}).get("clientOrderId")}
        return {"info": self._write("CancelOrder", {"txid": txid} if txid is not None else by_name)}

    def __getattr__(self, name: str) -> Callable[[Json], Any]:
        """`privatePostX` and `publicGetX`."""
        if name.startswith("privatePost"):
            return lambda params: self._read(name.removeprefix("privatePost"), params)
        if name.startswith("publicGet"):
            return lambda params: self._public(name.removeprefix("publicGet"), params)
        raise AttributeError(name)

    # --- three kinds of requests -----------------------------------------------------------------------

    def _write(self, method: str, form: Json | None) -> Any:
        letter = self._letter(method, form)
        self._boundary("before send")
        letter = self._stamped(letter)
        try:
            answer = self._exchange(letter, self._of_writes.throw())
        except Exception:
            self._boundary("after send")
            raise
        self._boundary("after send")
        return answer

    def _read(self, method: str, params: Json) -> Any:
        return self._exchange(self._letter(method, params), self._of_reads.throw())

    def _public(self, method: str, params: Json) -> Any:
        letter = Letter(self.process, method, params, None, self.house.clock())
        return self._exchange(letter, self._of_public.throw())

    def _letter(self, method: str, form: Json | None) -> Letter:
        sending, self._sending = self._sending, None
        if sending is None:
            raise RuntimeError(f"{method} outside a turn")
        sending.left = True
        body = sending.body if form is None else form
        return Letter(self.process, method, dict(body or {}), sending.nonce, self.house.clock())

    def _stamped(self, letter: Letter) -> Letter:
        """It leaves now: whoever was frozen at the door is late."""
        return Letter(letter.process, letter.method, letter.form, letter.nonce, self.house.clock())

    # --- on the way --------------------------------------------------------------------------------------

    def _exchange(self, letter: Letter, fault: Fault | None) -> Any:
        """What the client gets to hear, after the time it takes. Raises what ccxt would raise."""
        house, options = self.house, self.house.options
        if house.is_cut():
            house.lose(letter)
            self._time_out()
        if fault is not None:
            self._told(letter, fault)
        if fault is Fault.LOST_REQUEST:
            house.lose(letter)
            self._time_out()
        if fault is Fault.LATE_REQUEST:
            shortest, longest = options.late_seconds
            delay = shortest * (longest / shortest) ** self._random.random()  # as often 1-5 s as 6-30 s
            if delay > options.timeout_seconds:
                house.late.append((house.clock() + timedelta(seconds=delay), letter))
                self._time_out()
            self._wait(delay)
        self._wait(self._way())
        if fault in BEFORE:
            house.lose(letter, said=str(BEFORE[fault]))
            self._wait(self._way())
            return self._odd(BEFORE[fault], Answer())
        if house.is_cut():  # it began while the request was under way
            house.lose(letter)
            self._time_out()
        answer = self.house.serve(letter)
        if fault is Fault.LATE_REQUEST:
            self.house.note_late(answer)
        return self._after(letter, fault, answer)

    def _after(self, letter: Letter, fault: Fault | None, answer: Answer) -> Any:
        """The venue has judged; what comes back."""
        house, options = self.house, self.house.options
        if fault in (Fault.TWICE, Fault.TWICE_REFUSED):
            second = house.serve(letter, again=True)
            answer = second if fault is Fault.TWICE_REFUSED else answer
        if fault is Fault.LOST_ANSWER or house.is_cut():
            self._time_out()
        if fault is Fault.LATE_ANSWER:
            self._wait(self._random.uniform(0.5, options.timeout_seconds * LATEST_ANSWER))
        self._wait(self._way())
        if fault in AFTER:
            return self._odd(AFTER[fault], answer)
        if fault is Fault.WARNED and answer.result is not None:
            answer = Answer((WARNING,), answer.result)
        if fault is Fault.NAMELESS and answer.result is not None:
            answer = Answer(result={"descr": answer.result.get("descr", {})})
        return read_by_ccxt(answer)

    def _told(self, letter: Letter, fault: Fault) -> None:
        """Where this hinders, and how long. What was to change an order hinders its pair, and what follows
        from it; a reading that failed is made again. Whoever waits in vain for an answer keeps the key's one
        turn."""
        house, what = self.house, f"{fault} ({letter.method})"
        waits = house.options.timeout_seconds if fault in SILENT else 0.0
        house.note(fault)
        if letter.method in WRITES:
            seconds = house.options.timeout_seconds + (
                0.0 if is_settled(letter, fault) else LOOKED_UP_SECONDS
            )
            house.trouble(what, seconds=seconds, symbol=house.symbol_of(letter))
            if waits:
                house.trouble(what, seconds=waits, has_consequences=False)
        else:
            house.trouble(what, seconds=waits + READ_AGAIN_SECONDS, has_consequences=False)

    def _way(self) -> float:
        return self._random.uniform(*self.house.options.latency)

    def _time_out(self) -> None:
        self._wait(self.house.options.timeout_seconds)
        raise ccxt.RequestTimeout("kraken POST https://api.kraken.com (read timeout)")

    def _odd(self, what: object, answer: Answer) -> Any:
        """An HTTP status, a page, or words of Kraken's, instead of the answer."""
        if isinstance(what, int):
            codec().handle_errors(what, HTTP_WORDS[what], "", "POST", {}, "", "", {}, "")
        return PAGE if what == "page" else read_by_ccxt(Answer((str(what),)))


def is_settled(letter: Letter, fault: Fault) -> bool:
    """Whether the answer says what became of it, or it is simply asked again."""
    return letter.method == "CancelOrder" or fault in REFUSALS


def read_by_ccxt(answer: Answer) -> Json:
    """The answer as ccxt hands it over, or the exception it makes of it."""
    told: Json = {"error": list(answer.errors)}
    if answer.result is not None:
        told["result"] = answer.result
    if answer.errors:
        codec().handle_errors(200, "OK", "", "POST", {}, json.dumps(told), told, {}, "")
    return told


def named(answer: Any, key: str) -> Json:
    """What ccxt's create_order and edit_order return: a page becomes an order without an id."""
    info = answer.get("result") or {} if isinstance(answer, dict) else {}
    name = info.get(key)
    return {"id": name[0] if isinstance(name, list) and name else name, "info": info}
