from django.db import migrations

import risk.fields


class Migration(migrations.Migration):
    dependencies = [
        ("brackets", "0017_throttled_pairs"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="first_quantity",
            field=risk.fields.ExactDecimalField(decimal_places=8, max_digits=18, null=True),
        ),
    ]
