"""Every request to Kraken, the same way: one turn of the key's sender, one send, one verdict.

Stands between the adapter, which knows what to ask and what an answer holds, and the wire. A write that
did not leave is Refused; one that left and was not answered in so many words is Unknown. A read that was
not answered completely raises VenueUnavailable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from brackets.venue.kraken import answers, budget, errors, parsing
from brackets.venue.kraken.error_table import Full
from brackets.venue.kraken.markets import Markets
from brackets.venue.kraken.pair_budget import Spending
from brackets.venue.kraken.wire import KrakenWire
from brackets.venue.port import Outcome, Reason, Refused, VenueUnavailable
from brackets.venue.sender import SenderSlot, Turn
from brackets.venue.treatments import Write

MOST_PAGES = 200
PAGE_PATIENCE_SECONDS = 60.0  # a history that was begun is read to its end
Params = dict[str, Any]


def believe(turn: Turn, error: Exception) -> None:
    """Take the venue's word for it that a counter is full, over our own reckoning."""
    full = errors.full_counters(error)
    turn.key_is_full = turn.key_is_full or Full.KEY in full
    turn.pair_is_full = turn.pair_is_full or Full.PAIR in full


class Calls:
    """The requests of one adapter. Threads may share it."""

    def __init__(
        self,
        *,
        slot: SenderSlot,
        markets: Markets,
        patience_seconds: float,
        give_way: Callable[[], bool] = lambda: False,
    ) -> None:
        self._slot, self._markets = slot, markets
        self.give_way = give_way  # whether a read that waits for budget shall give up waiting
        self.patience_seconds = patience_seconds  # how long a read that is not urgent may wait for budget

    def write(
        self,
        wire: KrakenWire,
        send: Callable[[], Outcome],
        *,
        kind: Write,
        urgent: bool,
        spending: Spending,
        body: Mapping[str, object] | None = None,
        too_late: Callable[[], Refused | None] = lambda: None,
    ) -> Outcome:
        """One write in one turn. What did not leave is refused; what left and is not explicit is unknown."""
        try:
            with self._slot.turn(cost=budget.WRITE_COST, urgent=urgent, spending=spending) as turn:
                refused = too_late()
                if refused is not None:
                    return refused
                with wire.sending(nonce=turn.nonce, body=body) as sending:
                    try:
                        return send()
                    except Exception as error:  # also what ccxt's parser raises after the order stands
                        believe(turn, error)
                        return answers.write_outcome(error, sending, kind)
        except VenueUnavailable as error:
            return Refused(reason=Reason.RATE_LIMITED, message=f"not sent: {error}")

    def public(self, name: str, params: Params) -> Mapping[str, Any]:
        try:
            answer = getattr(self._markets.wire(), f"publicGet{name}")(params)
        except Exception as error:  # ccxt's own, or what it stumbled over in an odd answer
            raise answers.unavailable(name, error) from error
        return answers.result_of(name, answer)

    def private(
        self,
        name: str,
        params: Params,
        *,
        cost: int = budget.READ_COST,
        urgent: bool = False,
        begun: bool = False,
    ) -> Mapping[str, Any]:
        """One private read in one turn. `begun`: a later part of a reading, which then waits for budget."""
        wire = self._markets.wire()
        patience = max(self.patience_seconds, PAGE_PATIENCE_SECONDS if begun else 0.0)
        with (
            self._slot.turn(
                cost=cost, urgent=urgent, patience_seconds=patience, give_way=self.give_way
            ) as turn,
            wire.sending(nonce=turn.nonce),
        ):
            try:
                answer = getattr(wire, f"privatePost{name}")(params)
            except Exception as error:
                believe(turn, error)
                answer = error
        if isinstance(answer, Exception):
            raise answers.unavailable(name, answer) from answer
        return answers.result_of(name, answer)

    def pages(
        self,
        name: str,
        key: str,
        params: Params,
        *,
        cost: int = budget.READ_COST,
        urgent: bool = False,
    ) -> dict[str, Any]:
        """Every page of a history by id. Newest first, so an entry that comes meanwhile only repeats one."""
        entries: dict[str, Any] = {}
        offset = 0
        for page in range(MOST_PAGES):
            paged = params | ({"ofs": offset} if offset else {})
            result = self.private(name, paged, cost=cost, urgent=urgent, begun=page > 0)
            found = parsing.mapping(parsing.field(result, key, name), name)
            entries |= found
            offset += len(found)
            if not found or offset >= parsing.whole(parsing.field(result, "count", name), f"count of {name}"):
                return entries
        raise VenueUnavailable(f"Kraken's {name} has more than {MOST_PAGES} pages; ask for a shorter time")
