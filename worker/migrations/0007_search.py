from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("worker", "0006_weight")]

    operations: list = []
