"""Names for containers that were given none."""

from __future__ import annotations

import secrets

from worker.models import Container, Project

# Words of geology: this is Strata.
_ADJECTIVES = (
    "ashen", "basal", "bedded", "chalky", "coarse", "deep", "faulted", "fine", "flinty", "folded",
    "glacial", "gravelly", "igneous", "laminar", "loamy", "marine", "molten", "pebbly", "porous", "quiet",
    "rugged", "sandy", "silty", "slaty", "solid", "tilted", "upper", "vitreous", "volcanic", "weathered",
)  # fmt: skip
_NOUNS = (
    "agate", "amber", "basalt", "beryl", "breccia", "chalk", "clay", "dolomite", "feldspar", "flint",
    "gabbro", "garnet", "gneiss", "granite", "gypsum", "jasper", "limestone", "loess", "marble", "marl",
    "mica", "moraine", "obsidian", "onyx", "opal", "pumice", "quartz", "sandstone", "schist", "shale",
    "slate", "topaz", "tuff",
)  # fmt: skip


def free_name(project: Project) -> str:
    """Return an adjective and a noun that no container of ``project`` is called by."""
    taken = set(Container.objects.filter(project=project).values_list("name", flat=True))
    for _ in range(20):
        name = f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}"
        if name not in taken:
            return name
    return f"{name}-{secrets.token_hex(3)}"
