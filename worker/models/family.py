"""The family tree of a project's images, as rows: every stack of layers where something ends or forks.

A radix tree over the chain IDs of the images' layers. A stack is a member if an image ends on it, or if the
stacks of two images part just above it (then no image need end on it: an *unnamed ancestor*). So there are
never more than twice as many members as there are different stacks, whatever their height.

The tree is a function of the images alone: in whichever order they come and go, the rows are the same
(``worker.models.growing`` keeps them so, and can make them anew).
"""

from __future__ import annotations

from django.db import models

from worker.models.project import Project


class FamilyMember(models.Model):
    """A stack of layers in a project's family tree.

    Attributes:
        chain_id: its identity: the chain ID of its top layer (OCI image spec, "Layer ChainID").
        height: its number of layers.
        parent: the longest shorter stack of the tree that it stands on; None for the base of a family.
        first_step: the chain ID of the first layer above the parent. No other member begins with the same:
            where they part would be a member too.
        named: whether an image ends on it.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="family")
    chain_id = models.CharField(max_length=71)
    height = models.PositiveIntegerField()
    parent = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="children"
    )
    first_step = models.CharField(max_length=71)
    named = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "chain_id"], name="family_member_once"),
            models.UniqueConstraint(fields=["project", "first_step"], name="family_step_once"),
        ]

    def __str__(self) -> str:
        return self.chain_id
