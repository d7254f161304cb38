"""Every address of the portal. List pages carry their project, so that each can be bookmarked and shared."""

from django.urls import include, path, re_path

from dashboard import api
from dashboard.views import (
    account,
    containers,
    errors,
    health,
    home,
    image,
    images,
    jobs,
    layers,
    lineage,
    members,
    overview,
    pulls,
    registries,
    removal,
    schedules,
    setup,
    signing,
    storage,
)

project_urls = [
    path("", overview.overview, name="overview"),
    path("counts/", overview.counts, name="counts"),
    path("images/", images.images, name="images"),
    path("images/<int:image_id>/", image.layers, name="image"),
    path("images/<int:image_id>/lineage/", image.lineage, name="image_lineage"),
    path("images/<int:image_id>/config/", image.config, name="image_config"),
    path("images/<int:image_id>/tags/", image.tags, name="image_tags"),
    path("images/<int:image_id>/containers/", image.containers, name="image_containers"),
    path("images/<int:image_id>/referrers/", image.referrers, name="image_referrers"),
    path("images/<int:image_id>/referrers/look/", image.look, name="image_look"),
    path("images/<int:image_id>/extract/", image.extract, name="image_extract"),
    path("images/<int:image_id>/remove/", removal.remove_image, name="image_remove"),
    path("lineage/", lineage.lineage, name="lineage"),
    path("layers/", layers.layers, name="layers"),
    path("layers/<str:diff_id>/", layers.layer, name="layer"),
    path("pull/", pulls.pull, name="pull"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/<int:job_id>/", jobs.job, name="job"),
    path("jobs/<int:job_id>/cancel/", jobs.cancel, name="job_cancel"),
    path("jobs/<int:job_id>/retry/", jobs.retry, name="job_retry"),
    path("containers/", containers.containers, name="containers"),
    path("containers/new/", containers.new, name="container_new"),
    path("containers/<int:container_id>/", containers.container, name="container"),
    path("containers/<int:container_id>/changes/", containers.changes, name="container_changes"),
    path("containers/<int:container_id>/start/", containers.start, name="container_start"),
    path("containers/<int:container_id>/stop/", containers.stop, name="container_stop"),
    path("containers/<int:container_id>/remove/", containers.remove, name="container_remove"),
    path("registries/", registries.registries, name="registries"),
    path("registries/new/", registries.new, name="registry_new"),
    path("registries/<int:registry_id>/", registries.edit, name="registry_edit"),
    path("registries/<int:registry_id>/test/", registries.test, name="registry_test"),
    path("registries/<int:registry_id>/remove/", registries.remove, name="registry_remove"),
    path("schedules/", schedules.schedules, name="schedules"),
    path("schedules/new/", schedules.new, name="schedule_new"),
    path("schedules/preview/", schedules.preview, name="schedule_preview"),
    path("schedules/<int:schedule_id>/", schedules.edit, name="schedule_edit"),
    path("schedules/<int:schedule_id>/switch/", schedules.switch, name="schedule_switch"),
    path("schedules/<int:schedule_id>/run/", schedules.run, name="schedule_run"),
    path("schedules/<int:schedule_id>/remove/", schedules.remove, name="schedule_remove"),
    path("storage/", storage.storage, name="storage"),
    path("storage/collect/", storage.collect, name="storage_collect"),
    path("storage/preview/", storage.preview, name="storage_preview"),
    path("storage/scrub/", storage.scrub, name="storage_scrub"),
    path("storage/rebuild/", storage.rebuild, name="storage_rebuild"),
    path("storage/measure/", storage.measure, name="storage_measure"),
    path("members/", members.members, name="members"),
    path("members/<int:membership_id>/", members.change, name="member_change"),
    path("members/<int:membership_id>/remove/", members.remove, name="member_remove"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("setup/", setup.setup, name="setup"),
    path("sign-in/", signing.sign_in, name="sign_in"),
    path("sign-out/", signing.sign_out, name="sign_out"),
    path("account/", account.account, name="account"),
    path("account/password/", account.password, name="account_password"),
    path("account/theme/", account.theme, name="account_theme"),
    path("account/tokens/", account.issue_token, name="token_issue"),
    path("account/tokens/<int:token_id>/revoke/", account.revoke_token, name="token_revoke"),
    path("projects/new/", members.new_project, name="project_new"),
    path("healthz", health.healthz, name="healthz"),
    path("p/<slug:project_slug>/", include(project_urls)),
    path("api/v1/", include(api.urls())),
    # Short addresses lead to the project that one used last.
    re_path(
        r"^(?P<rest>(?:images|lineage|layers|pull|jobs|containers|registries|schedules|storage|members)/.*)$",
        home.shortcut,
        name="shortcut",
    ),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
