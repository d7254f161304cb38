"""The family tree as rows, and those of the images that are there."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any, ClassVar

import django.db.models.deletion
from django.db import migrations, models


def plant(apps: Any, schema_editor: Any) -> None:
    """Make the rows of each project: what worker.models.growing.regrow does, as it was then."""
    for project in apps.get_model("worker", "Project").objects.values_list("pk", flat=True):
        _plant(apps, project)


def _plant(apps: Any, project: int) -> None:
    layers = apps.get_model("worker", "ImageLayer").objects.filter(image__project=project)
    stacks: dict[int, list[str]] = defaultdict(list)
    in_order = layers.order_by("image", "position").values_list("image_id", "chain_id")
    for image, chain_id in in_order.iterator(chunk_size=10_000):
        stacks[image].append(chain_id)
    ordered = sorted(set(map(tuple, stacks.values())))
    ends = {chain[-1] for chain in ordered}
    members = set(ends)
    for one, other in pairwise(ordered):
        if shared := sum(1 for mine, its in zip(one, other, strict=False) if mine == its):
            members.add(one[shared - 1])
    model = apps.get_model("worker", "FamilyMember")
    generations: dict[int, dict[str, tuple[int, str | None, str]]] = defaultdict(dict)
    for chain in ordered:
        below = generation = 0
        for height, chain_id in enumerate(chain, 1):
            if chain_id in members:
                parent = chain[below - 1] if below else None
                generations[generation][chain_id] = (height, parent, chain[below])
                below, generation = height, generation + 1
    rows: dict[str | None, int | None] = {None: None}
    for number in sorted(generations):
        made = [
            model(
                project_id=project,
                chain_id=chain_id,
                height=height,
                parent_id=rows[parent],
                first_step=step,
                named=chain_id in ends,
            )
            for chain_id, (height, parent, step) in generations[number].items()
        ]
        model.objects.bulk_create(made, batch_size=1000)
        rows |= {row.chain_id: row.pk for row in made}


class Migration(migrations.Migration):
    dependencies: ClassVar = [("worker", "0007_removal")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="FamilyMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("chain_id", models.CharField(max_length=71)),
                ("height", models.PositiveIntegerField()),
                ("first_step", models.CharField(max_length=71)),
                ("named", models.BooleanField(default=True)),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="children",
                        to="worker.familymember",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="family",
                        to="worker.project",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="familymember",
            constraint=models.UniqueConstraint(fields=["project", "chain_id"], name="family_member_once"),
        ),
        migrations.AddConstraint(
            model_name="familymember",
            constraint=models.UniqueConstraint(fields=["project", "first_step"], name="family_step_once"),
        ),
        migrations.AddField(
            model_name="image",
            name="base_digest",
            field=models.CharField(blank=True, default="", max_length=71),
        ),
        migrations.AddField(
            model_name="image",
            name="base_name",
            field=models.CharField(blank=True, default="", max_length=512),
        ),
        migrations.RunPython(plant, migrations.RunPython.noop),
    ]
