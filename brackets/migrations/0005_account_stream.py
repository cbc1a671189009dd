"""How the private stream of the watch stands, for the status page."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("brackets", "0004_whole_bracket")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="stream_state",
            field=models.CharField(default="off", max_length=12),
        ),
        migrations.AddField(
            model_name="account",
            name="stream_seen_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="stream_error",
            field=models.CharField(blank=True, max_length=300),
        ),
    ]
