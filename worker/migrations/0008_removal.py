from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("worker", "0007_search")]

    operations: list = []
