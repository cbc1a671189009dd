from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("brackets", "0016_findings_in_turn_and_wanted_balances"),
    ]

    operations = [
        migrations.AddField(
            model_name="instrument",
            name="throttled_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
