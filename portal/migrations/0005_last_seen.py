"""When people were last seen. Who is there already is counted from now on: nobody knows since when."""

from django.db import migrations, models

import portal.kernel.clock


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0004_letters_no_longer_needed"),
    ]

    operations = [
        migrations.AlterModelManagers(name="user", managers=[]),
        migrations.AddField(
            model_name="user",
            name="last_seen_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="counted_from",
            field=models.DateTimeField(default=portal.kernel.clock.real_now, editable=False),
        ),
    ]
