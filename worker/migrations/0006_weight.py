from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("worker", "0005_packages")]

    operations: list = []
