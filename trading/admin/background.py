"""The django-q2 pages, to be looked at: a schedule or a queued task names code that is executed, so
neither may be written or started again by hand."""

from __future__ import annotations

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success, Task

from trading.admin.base import LookOnlyAdmin

for model in (Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(Schedule)
class ScheduleAdmin(LookOnlyAdmin):
    list_display = ["name", "func", "schedule_type", "minutes", "next_run", "repeats"]
    exclude_from_page = ("args", "kwargs", "hook")


class TaskAdmin(LookOnlyAdmin):
    list_display = ["name", "func", "started", "stopped", "attempt_count"]
    list_filter = ["func"]
    search_fields = ["name", "func"]
    # Pickles, and what their repr would say, stay where they are.
    exclude_from_page = ("args", "kwargs", "hook")


admin.register(Success)(TaskAdmin)


@admin.register(Failure)
class FailureAdmin(TaskAdmin):
    list_display = ["name", "func", "started", "stopped", "short_result"]

    @admin.display(description="what happened")
    def short_result(self, row: Task) -> str:
        lines = str(row.result).strip().splitlines()
        return lines[-1][:200] if lines else "–"


@admin.register(OrmQ)
class QueueAdmin(LookOnlyAdmin):
    """What waits for a worker. The payload is not unpickled to be shown."""

    list_display = ["id", "key", "lock"]
    exclude_from_page = ("payload",)
