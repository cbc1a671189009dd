from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("brackets", "0002_schedules")]

    operations = [
        migrations.AddField(
            model_name="senderkey",
            name="pair_counters",
            field=models.JSONField(blank=True, default=dict),
        ),
    ]
