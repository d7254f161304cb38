"""Images of several platforms, and what refers to an image."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

_KINDS = [("signature", "Signature"), ("sbom", "SBOM"), ("attestation", "Attestation"), ("other", "Other")]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("worker", "0003_storage")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="ImageIndex",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=71)),
                ("media_type", models.CharField(max_length=255)),
                ("offered", models.JSONField(default=list)),
                ("pulled_at", models.DateTimeField()),
                ("referrers_at", models.DateTimeField(blank=True, null=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="indexes",
                        to="worker.project",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="imageindex",
            constraint=models.UniqueConstraint(fields=["project", "digest"], name="index_once_per_project"),
        ),
        migrations.AddField(
            model_name="image",
            name="index",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="images",
                to="worker.imageindex",
            ),
        ),
        migrations.AddField(
            model_name="image", name="referrers_at", field=models.DateTimeField(blank=True, null=True)
        ),
        migrations.AddIndex(
            model_name="image",
            index=models.Index(fields=["project", "index", "pulled_at"], name="image_by_index"),
        ),
        migrations.CreateModel(
            name="Referrer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(choices=_KINDS, max_length=12)),
                ("digest", models.CharField(max_length=71)),
                ("media_type", models.CharField(max_length=255)),
                ("artifact_type", models.CharField(blank=True, default="", max_length=255)),
                ("size", models.PositiveBigIntegerField()),
                ("predicates", models.JSONField(blank=True, default=list)),
                ("found_by", models.CharField(max_length=12)),
                ("made_at", models.DateTimeField(blank=True, null=True)),
                (
                    "image",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="referrers",
                        to="worker.image",
                    ),
                ),
                (
                    "index",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="referrers",
                        to="worker.imageindex",
                    ),
                ),
            ],
            options={"ordering": ["kind", "id"]},
        ),
        migrations.AddConstraint(
            model_name="referrer",
            constraint=models.UniqueConstraint(fields=["image", "digest"], name="referrer_once_per_image"),
        ),
        migrations.AddConstraint(
            model_name="referrer",
            constraint=models.UniqueConstraint(fields=["index", "digest"], name="referrer_once_per_index"),
        ),
        migrations.AddConstraint(
            model_name="referrer",
            constraint=models.CheckConstraint(
                condition=models.Q(("image__isnull", True), ("index__isnull", True), _connector="XOR"),
                name="referrer_of_image_or_index",
            ),
        ),
        migrations.AddConstraint(
            model_name="referrer",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", [kind for kind, _ in _KINDS])), name="referrer_kind_known"
            ),
        ),
    ]
