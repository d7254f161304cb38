"""Jobs that keep the store in order, and what they found."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("worker", "0002_registry_options")]
    operations: ClassVar = []
