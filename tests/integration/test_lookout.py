"""Nobody watches: the web server sees it within seconds and calls the safety net, which puts stops back."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django_q.models import OrmQ

from brackets import accounts, leases, lookout
from brackets.core.states import Role
from brackets.models import Account, Bracket
from tests.integration.engine_world import World

pytest_plugins = ["tests.integration.worlds"]


def watching(account: Account, *, seconds_ago: int) -> None:
    now = timezone.now() - timedelta(seconds=seconds_ago)
    assert leases.take(accounts.watch_lease_name(account), "a watch", now=now, seconds=5) is not None


def in_our_hands(world: World) -> None:
    trade = world.open_active()
    Bracket.objects.filter(pk=trade.bracket_id).update(resting=Role.TARGET)
    OrmQ.objects.all().delete()


def test_a_lapsed_lease_calls_the_safety_net(world: World) -> None:
    in_our_hands(world)
    watching(world.account, seconds_ago=6)
    assert lookout.look(world.account, timezone.now())
    assert OrmQ.objects.count() == 1


def test_a_living_watch_is_left_alone(world: World) -> None:
    in_our_hands(world)
    watching(world.account, seconds_ago=1)
    assert not lookout.look(world.account, timezone.now())
    assert OrmQ.objects.count() == 0


def test_a_stop_on_the_venue_needs_nobody(world: World) -> None:
    in_our_hands(world)
    Bracket.objects.update(resting=Role.STOP)
    assert not lookout.look(world.account, timezone.now())
