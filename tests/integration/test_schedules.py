"""What was due while no cluster ran is done once, not once for each time it was missed."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.scheduler import scheduler

pytestmark = pytest.mark.django_db


def test_schedules_missed_for_hours_run_once_and_then_when_they_are_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("django_q.scheduler.close_old_django_connections", lambda: None)  # the test's own
    missed = timezone.now() - timedelta(hours=7)
    names = ["every minute", "every hour"]
    for name, minutes in zip(names, (1, 60), strict=True):
        Schedule.objects.create(
            name=name, func="brackets.tasks.heartbeat", schedule_type="I", minutes=minutes, next_run=missed
        )
    Schedule.objects.exclude(name__in=names).delete()

    for _ in range(3):  # the guards of three clusters, or one that looks three times
        scheduler()

    queued = [row.task["group"] for row in OrmQ.objects.all()]
    assert sorted(queued) == sorted(names)
    assert not Schedule.objects.filter(next_run__lte=timezone.now()).exists()
