"""Jobs that keep the store in order, and what they found."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

_KINDS = ["pull", "extract", "container", "collect", "scrub", "rebuild"]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("worker", "0002_registry_options")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="StoreSurvey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kinds", models.JSONField(default=dict)),
                ("apart", models.PositiveBigIntegerField(default=0)),
                ("shared", models.PositiveBigIntegerField(default=0)),
                ("disk_total", models.PositiveBigIntegerField(default=0)),
                ("disk_free", models.PositiveBigIntegerField(default=0)),
                ("measured_at", models.DateTimeField(blank=True, null=True)),
                ("asked_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="RemovedManifest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=71, unique=True)),
                ("removed_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.RemoveConstraint(model_name="job", name="job_kind_known"),
        migrations.AddField(
            model_name="job",
            name="slot",
            field=models.CharField(blank=True, default="", editable=False, max_length=12),
        ),
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
        migrations.AddConstraint(
            model_name="job",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    models.Q(("slot", ""), _negated=True), ("state__in", ("queued", "running"))
                ),
                fields=("slot",),
                name="job_alone_in_its_slot",
            ),
        ),
        # An image may be removed; the tags that pointed at it stay, with their past.
        migrations.AlterField(
            model_name="tag",
            name="image",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="tags",
                to="worker.image",
            ),
        ),
        migrations.AlterField(
            model_name="tagmovement",
            name="to_digest",
            field=models.CharField(blank=True, default="", max_length=71),
        ),
    ]
