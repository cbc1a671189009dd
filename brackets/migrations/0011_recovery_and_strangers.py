"""What recovery waits for, and what the account holds beyond our book."""

import django.db.models.deletion
from django.db import migrations, models

import risk.fields


class Migration(migrations.Migration):
    dependencies = [
        ("brackets", "0010_inspection"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="recovering_because",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name="account",
            name="recovering_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="Stranger",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("order", "order"), ("coins", "coins"), ("missing", "missing")], max_length=8
                    ),
                ),
                ("subject", models.CharField(max_length=40)),
                ("base", models.CharField(max_length=24)),
                ("symbol", models.CharField(max_length=24)),
                ("quantity", risk.fields.ExactDecimalField(decimal_places=8, default=0, max_digits=18)),
                ("terms", models.CharField(blank=True, max_length=120)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("noticed", "noticed"),
                            ("open", "open"),
                            ("ignored", "ignored"),
                            ("alarmed", "alarmed"),
                            ("protected", "protected"),
                            ("gone", "gone"),
                        ],
                        default="noticed",
                        max_length=10,
                    ),
                ),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("noticed", risk.fields.ExactDecimalField(decimal_places=8, max_digits=18, null=True)),
                ("noticed_terms", models.CharField(blank=True, max_length=120)),
                ("noticed_at", models.DateTimeField(null=True)),
                ("decided_by", models.CharField(blank=True, max_length=100)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="strangers",
                        to="brackets.account",
                    ),
                ),
                (
                    "bracket",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="strangers",
                        to="brackets.bracket",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "permissions": [
                    ("decide_stranger", "Can ignore and alarm what the account holds beyond our book")
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("status__in", ["noticed", "open", "ignored", "alarmed"])),
                        fields=["account", "kind"],
                        name="stranger_there",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "kind", "subject"), name="stranger_once"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["order", "coins", "missing"])),
                        name="stranger_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["noticed", "open", "ignored", "alarmed", "protected", "gone"])
                        ),
                        name="stranger_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gte", 0)), name="stranger_quantity_not_negative"
                    ),
                ],
            },
        ),
    ]
