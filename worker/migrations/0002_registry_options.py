"""How a registry is reached: certificates, proxy, mirrors, caps, and its rate limit."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("worker", "0001_initial")]
    operations: ClassVar = []
