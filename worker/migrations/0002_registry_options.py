"""How a registry is reached: certificates, proxy, mirrors, caps, and its rate limit."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

_SOURCES = [("typed", "Typed in here"), ("docker", "Docker's config.json")]
_PROXIES = [
    ("environment", "As the worker's environment says"),
    ("none", "None: connect directly"),
    ("own", "This one"),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("worker", "0001_initial")]
    operations: ClassVar = [
        migrations.AddField("registry", "ca", models.TextField(blank=True, default="")),
        migrations.AddField("registry", "client_certificate", models.TextField(blank=True, default="")),
        migrations.AddField("registry", "client_key_encrypted", models.TextField(blank=True, default="")),
        migrations.AddField(
            "registry",
            "credential_source",
            models.CharField(choices=_SOURCES, default="typed", max_length=10),
        ),
        migrations.AddField(
            "registry", "max_bandwidth", models.PositiveBigIntegerField(blank=True, null=True)
        ),
        migrations.AddField("registry", "max_downloads", models.PositiveIntegerField(blank=True, null=True)),
        migrations.AddField("registry", "mirror_tags", models.BooleanField(default=True)),
        migrations.AddField("registry", "mirrors", models.JSONField(blank=True, default=list)),
        migrations.AddField(
            "registry", "proxy", models.CharField(choices=_PROXIES, default="environment", max_length=12)
        ),
        migrations.AddField("registry", "proxy_password_encrypted", models.TextField(blank=True, default="")),
        migrations.AddField(
            "registry", "proxy_url", models.CharField(blank=True, default="", max_length=300)
        ),
        migrations.AddField(
            "registry", "proxy_username", models.CharField(blank=True, default="", max_length=255)
        ),
        migrations.CreateModel(
            name="RateLimit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("host", models.CharField(max_length=255)),
                ("limit", models.PositiveIntegerField()),
                ("remaining", models.PositiveIntegerField()),
                ("window", models.PositiveIntegerField(default=0)),
                ("source", models.CharField(blank=True, default="", max_length=100)),
                ("wait", models.PositiveIntegerField(default=0)),
                ("seen_at", models.DateTimeField()),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rate_limits",
                        to="worker.project",
                    ),
                ),
            ],
            options={
                "ordering": ["host", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=("project", "host"), name="rate_limit_once_per_project")
                ],
            },
        ),
    ]
