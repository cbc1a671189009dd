"""The hourly inspection: its schedule, and the index by which it finds what finished not long ago."""

from django.db import migrations, models

NAME, FUNC = "inspection", "brackets.tasks.inspect_brackets"


def create(apps, schema_editor):
    schedule = apps.get_model("django_q", "Schedule")
    schedule.objects.update_or_create(
        name=NAME, defaults={"func": FUNC, "schedule_type": "H", "repeats": -1}
    )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("brackets", "0009_bare_coins"),
        ("django_q", "0018_task_success_index"),
    ]
    operations = [
        migrations.AddIndex(
            model_name="bracket",
            index=models.Index(
                condition=models.Q(("completed_at__isnull", False)),
                fields=["account", "completed_at"],
                name="bracket_finished",
            ),
        ),
        migrations.RunPython(create, remove),
    ]
