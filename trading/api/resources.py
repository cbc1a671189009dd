"""The lists of the API: what each is made of, by what it is filtered, how a row is shown.

Every queryset loads all that its shape needs, so the number of queries does not grow with the page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.db.models import Case, Model, QuerySet, Value, When
from django.utils import timezone

from brackets.core.states import OrderStatus, State
from brackets.core.strangers import Status as StrangerStatus
from brackets.models import Account, Bracket, BracketEvent, Fill, Instrument, Order, Stranger
from risk.models import Alert
from trading import market
from trading.api import shapes
from trading.api.problems import Problem
from trading.core.asks import read_symbol
from trading.held import with_reason
from trading.models import Command, Trade


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One list. `statuses` are the words `?status=` takes, kept in `status_field`; none: no such filter."""

    name: str  # of one row, in sentences
    rows: Callable[[], QuerySet[Any]]
    show: Callable[[Any], dict[str, Any]]
    symbol_field: str = ""  # none: no such filter
    status_field: str = ""
    statuses: Sequence[str] = ()

    def of(self, account: Account) -> QuerySet[Any]:
        return self.rows().filter(account=account)

    def by_status(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        """Raises the 400 problem for a status that no such row can have."""
        wanted = next((status for status in self.statuses if status.lower() == text.strip().lower()), None)
        if wanted is None:
            offered = ", ".join(self.statuses) or "none"
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "unknown_status",
                f"A {self.name} has no status {text[:40]!r}; there is {offered}.",
                field="status",
                limit=offered,
                value=text[:40],
            )
        return rows.filter(**{self.status_field: wanted})

    def by_symbol(self, rows: QuerySet[Any], account: Account, text: str) -> QuerySet[Any]:
        """Raises Malformed or UnknownSymbol for what is no pair of the venue, and the 400 problem where rows
        of this kind have no symbol."""
        if not self.symbol_field:
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "unknown_parameter",
                f"No {self.name} has a symbol.",
                field="symbol",
            )
        return rows.filter(**{self.symbol_field: symbol_named(account, text)})

    def one(self, account: Account, key: int) -> Model:
        """Raises the 404 problem, naming what was looked for."""
        row = self.of(account).filter(pk=key).first() if key < 2**63 else None
        if row is None:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                f"unknown_{self.name}",
                f"There is no {self.name} {str(key)[:20]} on the {account.name} account.",
                value=str(key)[:20],
            )
        return row


class NamedResource(Resource):
    """A list whose rows carry the account's name, for they stand below the accounts' floor."""

    def of(self, account: Account) -> QuerySet[Any]:
        return self.rows().filter(account=account.name)


def symbol_named(account: Account, text: str) -> str:
    """The symbol a text means; a list asks the rows alone and never the venue."""
    words = read_symbol("symbol", text)
    if Instrument.objects.filter(account=account).exists():
        return market.instrument_named(account, words).symbol
    base, slash, quote = words.partition("/")
    return f"{market.ALIASES.get(base, base)}{slash}{quote}"


TRADES = Resource(
    name="trade",
    rows=Trade.objects.all,
    show=shapes.trade,
    symbol_field="symbol",
    status_field="status",
    statuses=Trade.Status.values,
)
BRACKETS = Resource(
    name="bracket",
    rows=lambda: with_reason(
        Bracket.objects.select_related("trade", "account").prefetch_related("orders", "fills")
    ),
    show=lambda row: shapes.bracket(row, timezone.now()),
    symbol_field="symbol",
    status_field="state",
    statuses=[state.value for state in State],
)
ORDERS = Resource(
    name="order",
    rows=lambda: Order.objects.select_related("bracket"),
    show=shapes.order,
    symbol_field="bracket__symbol",
    status_field="status",
    statuses=[status.value for status in OrderStatus],
)
FILLS = Resource(
    name="fill",
    rows=lambda: Fill.objects.select_related("bracket"),
    show=shapes.fill,
    symbol_field="bracket__symbol",
)
EVENTS = Resource(
    name="event",
    rows=lambda: BracketEvent.objects.select_related("bracket"),
    show=shapes.event,
    symbol_field="bracket__symbol",
    status_field="to_state",
    statuses=[state.value for state in State],
)
COMMANDS = Resource(
    name="command",
    rows=lambda: Command.objects.select_related("trade__bracket").prefetch_related(
        "trade__bracket__orders", "trades__bracket__orders"
    ),
    show=shapes.command,
    symbol_field="trade__symbol",
    status_field="status",
    statuses=Command.Status.values,
)
ALERTS = NamedResource(
    name="alert",
    rows=lambda: Alert.objects.annotate(
        openness=Case(When(resolved_at__isnull=True, then=Value("open")), default=Value("resolved"))
    ),
    show=shapes.alert,
    status_field="openness",
    statuses=["open", "resolved"],
)
STRANGERS = Resource(
    name="stranger",
    rows=lambda: Stranger.objects.exclude(status=StrangerStatus.NOTICED),
    show=shapes.stranger,
    symbol_field="symbol",
    status_field="status",
    statuses=[status.value for status in StrangerStatus if status is not StrangerStatus.NOTICED],
)
