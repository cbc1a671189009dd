from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("brackets", "0008_most_cost_of_the_entries")]

    operations = [
        migrations.AddField(
            model_name="bracket",
            name="bare_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="bracket",
            name="bare_told",
            field=models.BooleanField(default=False),
        ),
    ]
