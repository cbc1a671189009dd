from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("brackets", "0015_urgent_waiters"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="balances_read_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="balances_wanted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="stranger",
            name="turn",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.RemoveConstraint(
            model_name="stranger",
            name="stranger_once",
        ),
        migrations.AddConstraint(
            model_name="stranger",
            constraint=models.UniqueConstraint(
                fields=("account", "kind", "subject", "turn"), name="stranger_turn_once"
            ),
        ),
    ]
