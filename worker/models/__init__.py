"""The catalog: one file per idea, one import for all."""

from worker.models.container import AT_REST_STATES, Container, ContainerState
from worker.models.content import ContentCount, ContentShare
from worker.models.family import FamilyMember
from worker.models.image import Image, ImageLayer, Tag, TagMovement
from worker.models.index import ImageIndex, OfferedImage
from worker.models.job import (
    ACTIVE_STATES,
    FINAL_STATES,
    INSTALL_KINDS,
    STORAGE_KINDS,
    Job,
    JobKind,
    JobState,
)
from worker.models.layer import Blob, Layer
from worker.models.package import PackageChange, PackageReading, PackageVersion
from worker.models.project import Membership, Project, Role
from worker.models.rate_limit import SCHEDULED_RESERVE, RateLimit
from worker.models.referrer import Referrer, ReferrerKind
from worker.models.registry import CredentialSource, ProxyChoice, Registry
from worker.models.schedule import Schedule
from worker.models.storage import RemovedManifest, StoreSurvey
from worker.models.token import ApiToken, hash_token

__all__ = [
    "ACTIVE_STATES",
    "AT_REST_STATES",
    "FINAL_STATES",
    "INSTALL_KINDS",
    "SCHEDULED_RESERVE",
    "STORAGE_KINDS",
    "ApiToken",
    "Blob",
    "Container",
    "ContainerState",
    "ContentCount",
    "ContentShare",
    "CredentialSource",
    "FamilyMember",
    "Image",
    "ImageIndex",
    "ImageLayer",
    "Job",
    "JobKind",
    "JobState",
    "Layer",
    "Membership",
    "OfferedImage",
    "PackageChange",
    "PackageReading",
    "PackageVersion",
    "Project",
    "ProxyChoice",
    "RateLimit",
    "Referrer",
    "ReferrerKind",
    "Registry",
    "RemovedManifest",
    "Role",
    "Schedule",
    "StoreSurvey",
    "Tag",
    "TagMovement",
    "hash_token",
]
