"""Jobs that remove images, and what each layer's tree takes on the disk."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

_KINDS = ["pull", "extract", "container", "collect", "scrub", "rebuild", "remove"]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("worker", "0006_weight")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="layer", name="tree_bytes", field=models.PositiveBigIntegerField(blank=True, null=True)
        ),
        migrations.RemoveConstraint(model_name="job", name="job_kind_known"),
        migrations.AlterField(
            model_name="job",
            name="kind",
            field=models.CharField(choices=[(kind, kind.capitalize()) for kind in _KINDS], max_length=12),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", _KINDS)), name="job_kind_known"
            ),
        ),
    ]
