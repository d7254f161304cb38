"""Installed packages, as changes along chain IDs."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("worker", "0004_platforms"),
    ]

    operations = [
        migrations.CreateModel(
            name="PackageReading",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("chain_id", models.CharField(max_length=71, unique=True)),
                ("reader", models.PositiveSmallIntegerField()),
                ("total", models.PositiveIntegerField()),
                ("distribution_id", models.CharField(blank=True, default="", max_length=64)),
                ("distribution_version", models.CharField(blank=True, default="", max_length=64)),
                ("distribution_name", models.CharField(blank=True, default="", max_length=120)),
                ("notes", models.JSONField(default=list)),
                ("read_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="PackageVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("fingerprint", models.CharField(max_length=64, unique=True)),
                ("ecosystem", models.CharField(max_length=8)),
                ("name", models.CharField(max_length=255)),
                ("version", models.CharField(max_length=255)),
                ("architecture", models.CharField(blank=True, default="", max_length=64)),
                ("source", models.CharField(blank=True, default="", max_length=255)),
                ("source_version", models.CharField(blank=True, default="", max_length=255)),
                ("license", models.TextField(blank=True, default="")),
                ("size", models.PositiveBigIntegerField(blank=True, null=True)),
                ("search_name", models.CharField(db_index=True, max_length=255)),
                ("search_source", models.CharField(blank=True, db_index=True, default="", max_length=255)),
            ],
        ),
        migrations.CreateModel(
            name="PackageChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("path", models.TextField()),
                ("added", models.BooleanField()),
                (
                    "reading",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="worker.packagereading",
                    ),
                ),
                (
                    "package",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="worker.packageversion",
                    ),
                ),
            ],
        ),
    ]
