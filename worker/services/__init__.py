"""The only door for changing anything.

Each function checks the caller's role itself (``by``: a user; None for the system), raises subclasses of
StrataError, and returns rows. Slow work becomes a job.
"""

from worker.models.cron import describe_cron
from worker.models.limits import used_bytes
from worker.services.access import require_install_admin, role_of
from worker.services.choosing import Tags, list_tags, offered_platforms, preview_pull
from worker.services.comparing import compare_container, read_container_file
from worker.services.containers import (
    container_changes,
    container_log,
    create_container,
    remove_container,
    start_container,
    stop_container,
)
from worker.services.contents import contents_of, is_counted_now
from worker.services.files import mend_index
from worker.services.foreseeing import MOST_IMAGES, chosen_images, what_would_go
from worker.services.going import Keepers, LayerFate, WhatWouldGo
from worker.services.jobs import cancel, retry
from worker.services.projects import add_member, change_role, create_project, remove_member
from worker.services.pulls import start_extract, start_pull
from worker.services.referrers import look_for_referrers
from worker.services.registries import delete_registry, save_registry, test_registry
from worker.services.registry_changes import RegistryOptions
from worker.services.removal import remove_image, remove_images
from worker.services.schedules import delete_schedule, run_schedule_now, save_schedule, switch_schedule
from worker.services.searching import mend_search
from worker.services.setup import create_first_admin, setup_needed
from worker.services.storage import (
    is_measured_now,
    measure_storage,
    refresh_storage,
    start_collect,
    start_preview,
    start_rebuild,
    start_scrub,
)
from worker.services.tokens import issue_token, revoke_token, user_of_token

__all__ = [
    "MOST_IMAGES",
    "Keepers",
    "LayerFate",
    "RegistryOptions",
    "Tags",
    "WhatWouldGo",
    "add_member",
    "cancel",
    "change_role",
    "chosen_images",
    "compare_container",
    "container_changes",
    "container_log",
    "contents_of",
    "create_container",
    "create_first_admin",
    "create_project",
    "delete_registry",
    "delete_schedule",
    "describe_cron",
    "is_counted_now",
    "is_measured_now",
    "issue_token",
    "list_tags",
    "look_for_referrers",
    "measure_storage",
    "mend_index",
    "mend_search",
    "offered_platforms",
    "preview_pull",
    "read_container_file",
    "refresh_storage",
    "remove_container",
    "remove_image",
    "remove_images",
    "remove_member",
    "require_install_admin",
    "retry",
    "revoke_token",
    "role_of",
    "run_schedule_now",
    "save_registry",
    "save_schedule",
    "setup_needed",
    "start_collect",
    "start_container",
    "start_extract",
    "start_preview",
    "start_pull",
    "start_rebuild",
    "start_scrub",
    "stop_container",
    "switch_schedule",
    "test_registry",
    "used_bytes",
    "user_of_token",
    "what_would_go",
]
