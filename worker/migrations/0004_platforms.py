"""Images of several platforms, and what refers to an image."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("worker", "0003_storage")]
    operations: ClassVar = []
