from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("worker", "0004_platforms")]

    operations: list = []
