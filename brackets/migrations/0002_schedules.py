"""The schedules of the safety net, made with the database so that no step is left to a hand."""

from django.db import migrations

SCHEDULES = (("reconcile", "brackets.tasks.reconcile_account"), ("heartbeat", "brackets.tasks.heartbeat"))


def create(apps, schema_editor):
    schedule = apps.get_model("django_q", "Schedule")
    for name, func in SCHEDULES:
        schedule.objects.update_or_create(
            name=name, defaults={"func": func, "schedule_type": "I", "minutes": 1, "repeats": -1}
        )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name__in=[name for name, _ in SCHEDULES]).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("brackets", "0001_initial"),
        ("django_q", "0018_task_success_index"),
    ]
    operations = [migrations.RunPython(create, remove)]
