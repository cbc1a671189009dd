"""What may happen next in a world: every act, with the worlds it leads to.

The shell around the machine (dispatch, lookup, reconcile, watch) is played here with all its freedom of
order: whatever may be sent, answered, read, booked or seen next, in any order, is an act of its own. Time
passes only when the shell has done its work of the unit (all is sent, answered and read as it was a unit
ago); that it has not is trouble, and trouble has a budget, as have crashes.
"""

from __future__ import annotations

from collections.abc import Iterator

from brackets.core import legs
from brackets.core.leaving import OUTLIVED
from brackets.core.orders import Bracket, BracketOrder
from brackets.core.states import AmendStatus, Answer, OrderStatus, Role, State
from tests.exploration.canonical import BEGIN
from tests.exploration.ground import Act, Ground, Kind, awaits_terms, books, can_be_booked, named, shows
from tests.exploration.news import NEW, Look, News, Version
from tests.exploration.world import OPEN, Order, Price, World, ended

INTENDED = OrderStatus.INTENDED
OVER_AFTER = 2  # units after which an order that no look has shown was never placed


class Acts(Ground):
    """The acts of one setup."""

    def of(self, world: World) -> Iterator[Act]:
        if self.is_over(world):
            return
        yield from self.sending(world)
        yield from self.canceling(world)
        yield from self.amending(world)
        yield from self.happening(world)
        yield from self.reading(world)
        yield from self.looking(world)
        yield from self.wishing(world)
        if world.crashes:
            yield from self.crashing(world)

    def troubled(self, world: World, kind: str) -> World | None:
        """The world with one fault less to come; None where this kind does not happen."""
        if not world.faults or (self.setup.trouble and kind not in self.setup.trouble):
            return None
        return world._replace(faults=world.faults - 1)

    # --- placing -------------------------------------------------------------------------------------------

    def sending(self, world: World) -> Iterator[Act]:
        bracket = self.bracket(world)
        if world.answer != NEW:
            accepted = self.tell(world, News("accepted", world.answer))
            yield self.act(
                Kind.WORK, f"{named(bracket, world.answer)} is accepted", accepted._replace(answer=NEW)
            )
            return  # one sender at a time
        for place, order in enumerate(bracket.orders):
            if order.status is not INTENDED:
                continue
            why = self.reason_to_withdraw(world, order)
            if why:
                told = self.tell(world, News("withdrawn", place, why))
                yield self.act(Kind.WORK, f"{named(bracket, place)} is withdrawn: {why}", told)
                continue
            yield self.sent(world, place, order)
            yield from self.sent_badly(world, place, order)

    def reason_to_withdraw(self, world: World, order: BracketOrder) -> str:
        if order.cancel_wanted:
            return "canceled before it was sent"
        if order.role is not Role.ENTRY:
            return ""
        if not world.entries_allowed:
            return "paused before it was sent"
        return f"{OUTLIVED} 10 s" if order.created_at < BEGIN else ""

    def sent(self, world: World, place: int, order: BracketOrder) -> Act:
        name = named(self.bracket(world), place)
        refused = self.refusal_of(world, order)
        if refused:
            told = self.tell(world, News("refused", place, refused))
            return self.act(Kind.WORK, f"{name} is sent and refused: {refused}", told)
        there = self.arrived(world, place, order)
        return self.act(Kind.WORK, f"{name} is sent; the venue has it", there._replace(answer=place))

    def refusal_of(self, world: World, order: BracketOrder) -> str:
        if world.market != "online":
            return "market_limited"
        if order.quantity < self.setup.minimum:
            return "below_minimum"
        free = self.venue.available(world.orders, world.gone)
        if order.role is not Role.ENTRY and order.quantity > free and self.takes_coins(order):
            self.broken += (f"a sell of {order.quantity} is sent while {free} coins are free",)
            return "insufficient_funds"
        return ""

    def takes_coins(self, order: BracketOrder) -> bool:
        return order.trigger_price is None or self.setup.stops_hold

    def arrived(self, world: World, place: int, order: BracketOrder) -> World:
        version = Version(OPEN, 0, False, int(order.quantity), order.trigger_price, order.limit_price)
        bracket = self.bracket(world)
        attached = bracket.stop_price if order.role is Role.ENTRY and bracket.plan.attach_stop else None
        new = Order(place, order.role, version, attached=attached, post_only=order.post_only)
        return world._replace(orders=self.venue.taken(world.orders, new, world.price))

    def sent_badly(self, world: World, place: int, order: BracketOrder) -> Iterator[Act]:
        name, unknown = named(self.bracket(world), place), News("unknown", place)
        if less := self.troubled(world, "timeout"):
            lost = self.tell(less, unknown)
            lost = lost._replace(unknown=(*lost.unknown, (place, 0)))
            yield self.act(Kind.TROUBLE, f"{name} is sent; nobody knows (it is lost)", lost)
            late = lost._replace(late=(*lost.late, place))
            yield self.act(Kind.TROUBLE, f"{name} is sent; nobody knows (it is late)", late)
            if not self.refusal_of(world, order):
                there = self.arrived(lost, place, order)
                yield self.act(Kind.TROUBLE, f"{name} is sent; nobody knows (the venue has it)", there)
            self.broken = ()
        for reason in self.refusals(order):
            if less := self.troubled(world, "refusal"):
                told = self.tell(less, News("refused", place, reason))
                yield self.act(Kind.TROUBLE, f"{name} is sent and refused: {reason}", told)

    @staticmethod
    def refusals(order: BracketOrder) -> tuple[str, ...]:
        if order.role is Role.ENTRY:
            return ("permission",)
        return ("permission", "rate_limited", "insufficient_funds")

    # --- canceling and amending ----------------------------------------------------------------------------

    def canceling(self, world: World) -> Iterator[Act]:
        """A cancel is asked again until a reading shows the end; so a lost one is one not sent yet."""
        bracket = self.bracket(world)
        for index, order in enumerate(world.orders):
            if not order.open or order.place == NEW:
                continue
            known, name = bracket.orders[order.place], named(bracket, order.place)
            if known.cancel_wanted and known.live and world.answer == NEW:
                closed = world.market != "online" and known.role is not Role.ENTRY
                if closed and legs.is_needed(bracket, known.key):
                    told = self.tell(world, News("kept back", order.place, world.market))
                    yield self.act(Kind.WORK, f"the cancel of {name} is kept back", told)
                    continue
                done = world._replace(orders=ended(world.orders, index, "User requested"))
                yield self.act(Kind.WORK, f"the venue cancels {name}", done)
            elif less := self.troubled(world, "cancel by hand"):
                done = less._replace(orders=ended(world.orders, index, "User requested"))
                yield self.act(Kind.TROUBLE, f"somebody cancels {name}", done)

    def amending(self, world: World) -> Iterator[Act]:
        bracket = self.bracket(world)
        for place, order in enumerate(bracket.orders):
            asked = order.amendment
            if asked is None or asked.status is not AmendStatus.INTENDED or world.answer != NEW:
                continue
            index = next((i for i, o in enumerate(world.orders) if o.place == place), None)
            refused = "unknown_order" if index is None else self.refusal_to_amend(world, index, order)
            amended = world if refused or index is None else self.amended(world, index, order)
            name, word = named(bracket, place), f"{Answer.REFUSED} {refused}" if refused else Answer.ACCEPTED
            told = self.tell(amended, News("amended", place, word))
            yield self.act(Kind.WORK, f"{name} is amended: {word}", told)
            for after, outcome in ((amended, "done"), (world, "not done")):
                if (less := self.troubled(after, "timeout")) and not refused:
                    told = self.tell(less, News("amended", place, Answer.UNKNOWN))
                    yield self.act(Kind.TROUBLE, f"{name} is amended: nobody knows ({outcome})", told)
            for reason in ("rate_limited", "other"):
                if less := self.troubled(world, "refusal"):
                    told = self.tell(less, News("amended", place, f"{Answer.REFUSED} {reason}"))
                    yield self.act(Kind.TROUBLE, f"{name} is not amended: {reason}", told)

    def refusal_to_amend(self, world: World, index: int, order: BracketOrder) -> str:
        at_venue, asked = world.orders[index], order.amendment
        assert asked is not None
        if not at_venue.open:
            return "unknown_order"
        if world.market != "online":
            return "market_limited"
        if asked.trigger_price is not None and at_venue.now.triggered:
            return "invalid_arguments"
        if asked.quantity is None:
            return ""
        more = int(asked.quantity) - at_venue.now.quantity
        if int(asked.quantity) - at_venue.now.filled < self.setup.minimum:
            return "below_minimum"
        if more > self.venue.available(world.orders, world.gone) and self.venue.holds(at_venue):
            self.broken += (f"a stop is made larger by {more} coins that are not free",)
            return "insufficient_funds"
        return ""

    def amended(self, world: World, index: int, order: BracketOrder) -> World:
        at_venue, asked = world.orders[index], order.amendment
        assert asked is not None
        now = at_venue.now._replace(
            quantity=at_venue.now.quantity if asked.quantity is None else int(asked.quantity),
            trigger=asked.trigger_price or at_venue.now.trigger,
            limit=asked.limit_price or at_venue.now.limit,
        )
        orders = (*world.orders[:index], at_venue._replace(now=now), *world.orders[index + 1 :])
        return world._replace(orders=self.venue.triggered(orders, world.price))

    # --- what happens at the venue -------------------------------------------------------------------------

    def happening(self, world: World) -> Iterator[Act]:
        bracket = self.bracket(world)
        for index, order in enumerate(world.orders):
            if not self.venue.executable(order, world.price, world.market):
                continue
            name = named(bracket, order.place)
            if order.role is not Role.ENTRY and self.venue.coins(world.orders, world.gone) <= 0:
                done = world._replace(orders=ended(world.orders, index, "Insufficient funds"))
                yield self.act(Kind.WORK, f"the venue ends {name}: no coins", done)
                continue
            orders = self.venue.filled(world.orders, index, world.price)
            yield self.act(Kind.WORK, f"a lot of {name} is executed", world._replace(orders=orders))
            if order.attached is not None and (less := self.troubled(world, "missing stop")):
                orders = self.venue.filled(world.orders, index, world.price, with_stop=False)
                done = less._replace(orders=orders)
                yield self.act(Kind.TROUBLE, f"a lot of {name} is executed and gets no stop", done)
        for place in world.late:
            left = world._replace(late=tuple(p for p in world.late if p != place))
            order, name = bracket.orders[place], named(bracket, place)
            if not self.refusal_of(world, order):
                arrived = self.arrived(left, place, order)
                yield self.act(Kind.WORK, f"{name} arrives at the venue, late", arrived)
            self.broken = ()
        yield from self.moving(world)

    def moving(self, world: World) -> Iterator[Act]:
        prices = self.setup.prices
        here = prices.index(world.price)
        for there in (here - 1, here + 1):
            if 0 <= there < len(prices) and self.price_matters(world):
                yield self.priced(world, prices[there])
        if world.market != "online":
            yield self.act(Kind.WORK, "the market opens", world._replace(market="online"))
        elif less := self.troubled(world, "market"):
            for mode in ("cancel_only",):
                yield self.act(Kind.TROUBLE, f"the market is {mode}", less._replace(market=mode))

    def priced(self, world: World, price: Price) -> Act:
        orders = self.venue.triggered(world.orders, price) if world.market == "online" else world.orders
        return self.act(Kind.PRICE, f"the price is {price.name}", world._replace(price=price, orders=orders))

    # --- reading -------------------------------------------------------------------------------------------

    def reading(self, world: World) -> Iterator[Act]:
        bracket = self.bracket(world)
        for index, order in enumerate(world.orders):
            if self.can_be_read(bracket, order):
                name = named(bracket, order.place)
                if not shows(bracket, order, order.now) or awaits_terms(bracket, order):
                    yield self.act(Kind.WORK, f"{name} is read", self.read(world, index, order.now))
                if order.old is not None and order.old != order.now:
                    yield self.act(
                        Kind.WORK, f"{name} is read as it was before", self.read(world, index, order.old)
                    )
            if can_be_booked(bracket, order):
                told = self.tell(world, News("booking", order.place))
                yield self.act(Kind.WORK, f"a fill of {named(bracket, order.place)} is booked", told)
        for place, age in world.unknown:
            if self.is_absent(world, place, age):
                told = self.tell(world, News("absent", place))
                yield self.act(Kind.WORK, f"{named(bracket, place)} was never placed", told)

    def can_be_read(self, bracket: Bracket, order: Order) -> bool:
        """A secondary is found by its parent, once that one has its id."""
        if order.place != NEW:
            return True
        return bracket.orders[order.parent].venue_order_id is not None

    def read(self, world: World, index: int, version: Version) -> World:
        order = world.orders[index]
        news = News("reading", order.place, number=order.parent, version=version)
        if order.place != NEW:
            return self.tell(world, News("reading", order.place, version=version))
        told = self.tell(world, news)
        adopted = order._replace(place=len(self.bracket(world).orders))
        return told._replace(orders=(*world.orders[:index], adopted, *world.orders[index + 1 :]))

    @staticmethod
    def is_absent(world: World, place: int, age: int) -> bool:
        there = any(order.place == place for order in world.orders)
        return age >= OVER_AFTER and not there and place not in world.late

    # --- looking, and time ---------------------------------------------------------------------------------

    def look(self, world: World, *, compared: bool = False) -> News:
        price = world.price
        seen = Look(price.bid, price.last, world.market, True, world.entries_allowed, compared)
        return News("tick", look=seen)

    def looking(self, world: World) -> Iterator[Act]:
        glanced = self.tell(world, self.look(world))
        if glanced.bracket != world.bracket:
            yield self.act(Kind.WORK, "the machine looks", glanced)
        self.broken = () if glanced.bracket == world.bracket else self.broken
        if legs.target_is_touched(self.bracket(world), bid=world.price.bid, last=world.price.last):
            told = self.tell(world, News("touch", number=world.price.bid))
            if world.price.last <= self.bracket(world).stop_price:
                self.broken += ("profit is taken while the stop is touched too",)
            yield self.act(Kind.WORK, "the target is touched", told)
        if world.answer != NEW:
            return  # an answer comes within the unit, or is given up
        if self.work_is_done(world):
            aged = self.aged(world)
            told = self.tell(aged, self.look(aged, compared=True))
            yield self.act(Kind.TIME, "a unit passes", told, 1)
        elif less := self.troubled(world, "slow"):
            aged = self.aged(less)
            blind = News("tick", look=Look(None, None, aged.market, False, aged.entries_allowed))
            told = self.tell(aged, blind)
            active = self.bracket(told).state is State.BRACKET_ACTIVE and told.market == "online"
            if active and self.bracket(told).resting is Role.TARGET:
                self.broken += ("the target rests and the stop is watched by nobody",)
            yield self.act(Kind.TROUBLE, "a unit passes and work is left undone", told, 1)

    def work_is_done(self, world: World) -> bool:
        """Whether all of this unit's work of the shell was done: nothing to send, and all was read as it was
        a unit ago."""
        bracket = self.bracket(world)
        for order in bracket.orders:
            if order.status is INTENDED:
                return False
            if order.amendment is not None and order.amendment.status is AmendStatus.INTENDED:
                return False
        if any(self.is_absent(world, place, age) for place, age in world.unknown):
            return False
        for order in world.orders:
            if order.old is None or not self.can_be_read(bracket, order):
                continue
            if not shows(bracket, order, order.old) or not books(bracket, order, order.old):
                return False
            if order.open and order.place != NEW and world.market == "online":
                known = bracket.orders[order.place]
                if known.cancel_wanted and known.live:
                    return False
        return True

    def aged(self, world: World) -> World:
        """One unit later: readings that lag show what is now; requests that are late come no more."""
        return world._replace(
            bracket=self.brain.age(world.bracket),
            orders=tuple(o if o.old == o.now else o._replace(old=o.now) for o in world.orders),
            unknown=tuple((place, min(age + 1, OVER_AFTER)) for place, age in world.unknown),
            late=(),
        )

    # --- people and crashes --------------------------------------------------------------------------------

    def wishing(self, world: World) -> Iterator[Act]:
        bracket = self.bracket(world)
        wishes = self.setup.wishes if world.wishes else ()
        if bracket.state is State.HELD:  # its operator may always close it
            wishes = (*(w for w in wishes if w != "close"), "close")
        for name in wishes:
            spent = max(world.wishes - 1, 0)
            for news in self.wish(bracket, name):
                told = self.tell(world._replace(wishes=spent), news)
                if told.bracket != world.bracket:
                    yield self.act(Kind.WISH, f"somebody wants to {name}", told)
            if name == "pause" and world.entries_allowed:
                yield self.act(
                    Kind.WISH, "somebody pauses", world._replace(wishes=spent, entries_allowed=False)
                )

    @staticmethod
    def wish(bracket: Bracket, name: str) -> Iterator[News]:
        match name:
            case "close" | "hold" | "release":
                yield News(name)
            case "move the stop":
                yield News(name, number=bracket.stop_price + 1)
            case "sell a part":
                yield News(name, number=1)

    def crashing(self, world: World) -> Iterator[Act]:
        """All processes die at once, and come back at once or two units later."""
        bracket = self.bracket(world)
        less = world._replace(crashes=world.crashes - 1)
        ways: list[tuple[str, World]] = []
        if world.answer != NEW:
            place = world.answer
            told = self.tell(less._replace(answer=NEW), News("unknown", place))
            told = told._replace(unknown=(*told.unknown, (place, 0)))
            ways.append((f"after {named(bracket, place)} was sent, before its answer was recorded", told))
        else:
            ways.append(("while nothing is sent", less))
            for place, order in enumerate(bracket.orders):
                if order.status is INTENDED and not self.reason_to_withdraw(world, order):
                    told = self.tell(less, News("unknown", place))
                    told = told._replace(unknown=(*told.unknown, (place, 0)))
                    ways.append((f"after {named(bracket, place)} was claimed, before it was sent", told))
        for when, crashed in ways:
            broken = self.broken
            if not when.startswith("while"):
                yield self.act(Kind.TROUBLE, f"a crash {when}", crashed)
            self.broken = broken
            down = self.aged(self.aged(crashed))
            yield self.act(Kind.TROUBLE, f"a crash {when}; it lasts two units", down, 2)
