from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("brackets", "0013_looks_at_the_venue"),
    ]

    operations = [
        migrations.AddField(
            model_name="bracket",
            name="alarm_at",
            field=models.DateTimeField(null=True),
        ),
    ]
