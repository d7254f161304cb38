"""How much of a project's files is the same content."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("worker", "0005_packages")]

    operations = [
        migrations.CreateModel(
            name="ContentCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("distinct", models.PositiveBigIntegerField(default=0)),
                ("distinct_files", models.PositiveBigIntegerField(default=0)),
                ("layers", models.PositiveIntegerField(default=0)),
                ("stamp", models.CharField(blank=True, default="", max_length=100)),
                ("counted_at", models.DateTimeField(blank=True, null=True)),
                ("asked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "project",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="content_count",
                        to="worker.project",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ContentShare",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("registry_host", models.CharField(blank=True, default="", max_length=255)),
                ("repository", models.CharField(blank=True, default="", max_length=255)),
                ("distinct", models.PositiveBigIntegerField(blank=True, null=True)),
                ("own", models.PositiveBigIntegerField(default=0)),
                (
                    "image",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="content_share",
                        to="worker.image",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="content_shares",
                        to="worker.project",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["project", "registry_host", "repository"], name="content_by_repository"
                    )
                ],
            },
        ),
    ]
