from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("brackets", "0014_last_alarm"),
    ]

    operations = [
        migrations.AddField(
            model_name="senderkey",
            name="urgent_waiting",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
