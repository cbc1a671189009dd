"""Ways to break the product on purpose, each a promise taken back. Data only; `hunt.py` looks for each."""

from __future__ import annotations

from typing import NamedTuple


class Mutation(NamedTuple):
    """One change of one place, and where it shows soonest: `told` names scripted worlds of the simulator,
    `explored` setups of the exploration, `profile` the kind of drawn worlds that are lived first. With none
    of them any drawn world should notice."""

    name: str
    sentence: str
    file: str
    old: str
    new: str
    explored: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    profile: str = ""


CORE = "brackets/core/"
MUTATIONS: tuple[Mutation, ...] = (
    # --- exactly once -------------------------------------------------------------------------------
    Mutation(
        "no commit before the send",
        "that a placement was sent is not stored before it leaves, so a crash sends it again",
        "brackets/claims.py",
        "    effect.save()\n    return Claim(",
        "    return Claim(",
        told=("killed after every send",),
        profile="crashes",
    ),
    Mutation(
        "Unknown is Failed",
        "an answer that says nothing certain is taken for a refusal",
        "brackets/dispatch.py",
        'message = getattr(outcome, "message", "accepted without an id")\n'
        "            return OrderUnknown(at=now, key=claim.order_key, message=message)",
        'message = getattr(outcome, "message", "accepted without an id")\n'
        '            return OrderRefused(at=now, key=claim.order_key, reason="other", message=message)',
        told=("an order whose second delivery is refused, and which shows late",),
        profile="network",
    ),
    Mutation(
        "an id used twice",
        "the second order of a bracket bears the client id of the first",
        CORE + "orders.py",
        'f"order {self.sequence + 1}"',
        'f"order {max(self.sequence, 1)}"',
        ("a person moves the stop",),
    ),
    Mutation(
        "no look by refid",
        "stops that the venue made of an entry's fills are not adopted",
        "brackets/reports.py",
        "role_if_new=Role.STOP if adopting and is_stop(report) else None,\n        status=STATUSES[",
        "role_if_new=None,\n        status=STATUSES[",
        told=("a fee in coins, known too late",),
        profile="stale",
    ),
    Mutation(
        "no fence",
        "a placement that another worker claimed and may have sent is sent again",
        "brackets/claims.py",
        "    if effect.sent_at is not None:  # somebody committed the send and never told: it is Unknown",
        "    if False:  # somebody committed the send and never told: it is Unknown",
        told=("killed after every send",),
        profile="crashes",
    ),
    Mutation(
        "absent at once",
        "one look that does not show an order proves that it never was, though it may still arrive",
        "brackets/lookup.py",
        "absences = effect.absences + 1 if asked_at >= provable_from(effect, offset) else 0",
        "absences = PROOFS_NEEDED",
        told=("an order whose second delivery is refused, and which shows late",),
        profile="stale",
    ),
    Mutation(
        "a claim shorter than its request",
        "another worker may take a claim over while its holder still sends",
        "brackets/claims.py",
        "CLAIM_SECONDS = 15 ",
        "CLAIM_SECONDS = 0.2 ",
        told=("many exits at once over a slow venue",),
        profile="rivals",
    ),
    Mutation(
        "a cancel that was asked is an end",
        "an order counts as gone when its cancel is wanted, not when a reading shows its end",
        CORE + "orders.py",
        "return tuple(order for order in self.sells if order.live)",
        "return tuple(order for order in self.sells if order.live and not order.cancel_wanted)",
        ("a person closes",),
    ),
    Mutation(
        "open means staying",
        "a reading that shows an order open takes back that its cancel is wanted",
        CORE + "facts.py",
        "        read_back=True,\n",
        "        read_back=True,\n        cancel_wanted=order.cancel_wanted and ends,\n",
        ("a person closes",),
    ),
    Mutation(
        "an older reading lowers a fill",
        "the newest reading to arrive is believed, not the one that tells most",
        CORE + "facts.py",
        "filled=max(order.filled, report.filled),",
        "filled=report.filled,",
        ("the stop rests",),
    ),
    Mutation(
        "an end is undone",
        "an older reading opens an order again that has ended",
        CORE + "facts.py",
        "status=order.status if stale else report.status,",
        "status=report.status,",
        ("the stop rests",),
    ),
    Mutation(
        "booked twice",
        "a fill that is told twice is counted twice",
        CORE + "facts.py",
        "    if booking.venue_trade_id in order.booked_trade_ids:\n        return bracket\n",
        "",
        ("both prices at once",),
    ),
    # --- entries --------------------------------------------------------------------------------------
    Mutation(
        "PAUSED is not asked at the claim",
        "an entry that was wanted before the pause leaves after it",
        "brackets/claims.py",
        "        if not config.entries_allowed:\n",
        "        if False:\n",
        told=("a pause while entries wait for their turn",),
        profile="people",
    ),
    Mutation(
        "no end of its own",
        "a limit entry carries no expiretm, so it outlives us",
        "brackets/claims.py",
        "expires_at=None if expires_at is None else expires_at + (offset or timedelta(0)),",
        "expires_at=None,",
        told=("a part is sold, then the rest",),
        profile="peace",
    ),
    Mutation(
        "entries work on",
        "an entry is left alone when its bracket leaves",
        CORE + "leaving.py",
        "    step = step.canceling(bracket.live_entries)\n    role = ",
        "    role = ",
        ("a person closes",),
    ),
    # --- exits ----------------------------------------------------------------------------------------
    Mutation(
        "a sell before the cancel is read",
        "coins are sold while the stop that stands for them may still execute",
        CORE + "leaving.py",
        "    if bracket.live_entries or bracket.live_sells:\n        return step.canceling",
        "    if bracket.live_entries:\n        return step.canceling",
        ("both prices at once",),
    ),
    Mutation(
        "an exit of the plan",
        "an exit sells what was planned, not what is there",
        CORE + "leaving.py",
        "    quantity = bracket.coins\n    if quantity < bracket.plan.minimum_quantity:\n",
        "    quantity = bracket.plan.quantity\n    if bracket.coins < bracket.plan.minimum_quantity:\n",
        told=("a part is sold, then the rest",),
        profile="fills",
    ),
    Mutation(
        "an exit that news made too large",
        "a sell that has not left stays as it is when fewer coins are left than it names",
        CORE + "leaving.py",
        "return step.canceling(tuple(order for order in unsent if order.leaves > there))",
        "return step",
        ("the stop rests",),
        profile="streams",
    ),
    Mutation(
        "the target wins",
        "where one tick touches both prices, profit is taken",
        CORE + "legs.py",
        "return settled and bid >= bracket.target_price and last > bracket.stop_price",
        "return settled and bid >= bracket.target_price",
        ("both prices at once",),
    ),
    Mutation(
        "a refused exit is forgotten",
        "where the venue refuses an exit for good, the stop does not come back",
        CORE + "leaving.py",
        "    elif refused not in RETRYABLE:\n        return restore_stop(step)",
        "    elif refused not in RETRYABLE:\n        return step",
        ("the stop rests",),
    ),
    Mutation(
        "books stay open",
        "a bracket is complete before all its fills are booked",
        CORE + "leaving.py",
        "    if not all(order.fully_booked for order in bracket.orders):\n        return step\n    if dust",
        "    if dust",
        ("both prices at once",),
    ),
    # --- protection -------------------------------------------------------------------------------------
    Mutation(
        "a hold takes the stop away",
        "what an operator must look at stands without protection",
        CORE + "leaving.py",
        "return held.canceling(held.bracket.live_entries)",
        "return held.canceling(held.bracket.live_entries + held.bracket.live_stops)",
        ("put on hold and released",),
    ),
    Mutation(
        "nobody watches",
        "the target keeps resting when nobody watches the stop in our hands",
        CORE + "swap.py",
        "    unseen = not step.watched or step.price is None\n",
        "    unseen = False\n",
        ("the nearest leg rests",),
        profile="crashes",
    ),
    Mutation(
        "uncovered coins are left",
        "coins whose stop never came, or was canceled by somebody, get none of ours",
        CORE + "cover.py",
        "    if lacking(bracket) <= 0 or bracket.protect_from is None:\n        return step\n    if sentinel",
        "    if bracket.state:\n        return step\n    if sentinel",
        ("coins held before, a fault",),
        profile="profit",
    ),
    Mutation(
        "an unread amendment counts",
        "while it is not known whether an order was made larger, its smaller size is reckoned",
        CORE + "orders.py",
        "return self.most_quantity - self.filled if self.live else ZERO",
        "return self.quantity - self.filled if self.live else ZERO",
        ("a part is sold",),
    ),
    Mutation(
        "a look that is too young",
        "a look at the ended orders completes the proof that a stop is missing at once, not when every end "
        "has become visible",
        CORE + "looks.py",
        "return look.answered_at + visible <= at",
        "return look.answered_at <= at",
        told=("stops that have sold before any look shows them",),
        profile="stale",
    ),
    Mutation(
        "a stop in motion is spared",
        "a stop whose new quantity nobody has answered yet is taken back for a surplus that may be none",
        CORE + "cover.py",
        "stop.triggered or stop.filled or is_resized(stop))",
        "stop.triggered or stop.filled)",
        told=("a target that sells lot by lot beside its stop",),
        profile="profit",
    ),
    # --- records ----------------------------------------------------------------------------------------
    Mutation(
        "a step without its journal",
        "some changes have no audit row",
        "brackets/operations.py",
        '    journal.write(\n        at=event.at,\n        actor=actor,\n        action=f"bracket.',
        "    (journal.write if outcome.effects else dict)(\n        at=event.at,\n        actor=actor,\n"
        '        action=f"bracket.',
        told=("a part is sold, then the rest",),
        profile="peace",
    ),
    # --- who watches, and what is told --------------------------------------------------------------------
    Mutation(
        "a watch that is gone goes unnoticed",
        "the watch counts as alive for ever, and nobody takes over",
        "brackets/accounts.py",
        "    return renewed_at is not None and -leases.MOST_AHEAD < now - renewed_at < STALE",
        "    return True",
        told=("the only watch sleeps while a target rests",),
        profile="crashes",
    ),
    Mutation(
        "no hand-over",
        "a watch that is told to stop leaves its targets without a stop",
        "brackets/reconcile.py",
        "    left = {row.pk for row, bracket in sight.load_open(account) if is_watched_by_us(bracket)}",
        "    left: set[int] = set()",
        told=("the only watch is told to stop while a target rests",),
        profile="crashes",
    ),
    Mutation(
        "an entry before the comparison",
        "an entry leaves after a start before book and venue were compared",
        "brackets/claims.py",
        "effect.order.role == Role.ENTRY and effect.account.recovered_at is None",
        'effect.order.role == "nobody" and effect.account.recovered_at is None',
        told=("asked for before a start, while orders are Unknown",),
        profile="crashes",
    ),
    Mutation(
        "a start waits for nothing",
        "a comparison after a start counts as whole whatever it did not tell",
        "brackets/recovery.py",
        "    waits = tuple(waits_of(account, frozenset(shown)))",
        "    waits: tuple[Wait, ...] = ()",
        told=("asked for after a start, while orders are Unknown",),
        profile="crashes",
    ),
    Mutation(
        "no margin of visibility",
        "an absence is proven before the order must have become visible",
        "brackets/lookup.py",
        "VISIBILITY_SECONDS = 10",
        "VISIBILITY_SECONDS = 0",
        profile="mixed",
    ),
    Mutation(
        "repairs without spacing",
        "a leg that somebody cancels again and again is put back each time at once",
        CORE + "sentinel.py",
        '    """Whether the last repair is long enough ago, in time and in comparisons with the venue."""\n',
        '    """Whether the last repair is long enough ago, in time and in comparisons with the venue."""\n'
        "    return True\n",
        told=("a stop that is taken away twice",),
        profile="mixed",
    ),
    Mutation(
        "never rolled back",
        "coins that get no protection are kept without it",
        CORE + "cover.py",
        "    if since is None or step.at <",
        "    if True or since is None or step.at <",
        told=("no stop can be placed for what was bought",),
        profile="modes",
    ),
    Mutation(
        "stops stay apart",
        "the stops of single fills are never made one",
        CORE + "cover.py",
        "    if survivor is None or survivor.amendment is not None or not others:",
        "    if True:",
        told=("many fills, each with its stop",),
        profile="fills",
    ),
    Mutation(
        "an exposure that is forgotten",
        "a comparison stores that coins were never without an order",
        "brackets/sentinel.py",
        '        "unprotected_seconds": exposed.unprotected_seconds,',
        '        "unprotected_seconds": Decimal(0),',
        told=("a stop that is taken away twice",),
        profile="people",
    ),
    Mutation(
        "nobody is told",
        "troubles that are found raise no alert",
        "brackets/sentinel.py",
        "        for trouble in found.values():",
        "        for trouble in ():",
        told=("a stop that is taken away twice",),
        profile="people",
    ),
    Mutation(
        "strangers overlooked",
        "open orders are not looked through for those of somebody else",
        "brackets/reconcile.py",
        "        strangers.note_orders(account, open_reports, shown, asked_at)",
        "        pass",
        told=("an order of the owner's",),
        profile="people",
    ),
)
