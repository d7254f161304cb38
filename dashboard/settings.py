"""Django's settings. What may differ between installs comes from the environment (docs/operations.md)."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

import dj_database_url

from dashboard import env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("DATA") or BASE_DIR / "var").resolve()
STORE_DIR = DATA_DIR / "store"
SEARCH_DIR = DATA_DIR / "search"


def _secret_key() -> str:
    """Return the configured key, or the one kept in the data directory (made on first use)."""
    if configured := env.text("SECRET_KEY"):
        return configured
    path = DATA_DIR / "secret_key"
    try:
        if not path.exists():
            DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Several programs may start at once: the key appears whole, and the first one stays.
            with tempfile.NamedTemporaryFile("w", dir=DATA_DIR) as file, contextlib.suppress(FileExistsError):
                file.write(secrets.token_urlsafe(50))
                file.flush()
                os.link(file.name, path)
        return path.read_text().strip()
    except OSError as error:
        raise env.EnvironmentProblem(
            f"STRATA_DATA: {DATA_DIR} cannot be used: {error.strerror}. Name a directory that can be written."
        ) from error


def _redis_url() -> str:
    """Return the configured URL, that of the Redis that ``make run`` keeps, or the usual one."""
    if configured := env.text("REDIS_URL"):
        return configured
    try:
        return (DATA_DIR / "redis" / "url").read_text().strip()
    except OSError:
        return "redis://127.0.0.1:6379/0"


DEBUG = env.flag("DEBUG")
SECRET_KEY = _secret_key()
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("TRUSTED_ORIGINS")
if env.flag("BEHIND_TLS_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "template_partials",
    "worker",
    "dashboard",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "dashboard.middleware.security_headers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dashboard.middleware.ErrorPages",
]
ROOT_URLCONF = "dashboard.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.frame",
            ],
        },
    }
]


def _database() -> dj_database_url.DBConfig:
    url = env.text("DATABASE_URL") or f"sqlite:///{DATA_DIR / 'db.sqlite3'}"
    try:
        return dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True)
    except ValueError as error:
        # Not the URL itself: it may hold a password.
        raise env.EnvironmentProblem(
            "STRATA_DATABASE_URL cannot be read: write it as postgres://user:password@host/name"
        ) from error


DATABASES = {"default": _database()}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # WAL lets pages read while a worker writes; IMMEDIATE takes the write lock up front, so that the busy
    # timeout applies instead of failing half-way through a transaction.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728;",
    }

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # Lists of up to a few MB each, which registries gave a moment ago (worker.services.choosing).
    "tags": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "tags",
        "OPTIONS": {"MAX_ENTRIES": 32},
    },
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
CSRF_FAILURE_VIEW = "dashboard.views.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT") or BASE_DIR / "build" / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}

REDIS_URL = _redis_url()
NODE = env.text("NODE", "local")
ALLOWED_REGISTRIES = env.words("ALLOWED_REGISTRIES")
DOCKER_CONFIG = env.text("DOCKER_CONFIG")
LAYERS_AT_ONCE = env.number("LAYERS_AT_ONCE", 0)
# What one layer may be; beyond, it is taken for an attempt to fill the disk. The defaults are the engine's.
LAYER_MAX_BYTES = env.number("LAYER_MAX_BYTES", 1 << 38, minimum=1 << 20)
LAYER_MAX_ENTRIES = env.number("LAYER_MAX_ENTRIES", 4_000_000, minimum=1)
LAYER_MAX_RATIO = env.number("LAYER_MAX_RATIO", 300, minimum=2)
# Memory, in bytes, in which each process of the web server keeps images' files to answer from.
FILES_CACHE = env.number("FILES_CACHE", 256) << 20

# Seconds between two rounds of what beat hands out.
HOUSEKEEPING_SECONDS = env.number("HOUSEKEEPING_SECONDS", 10, minimum=1)
INDEX_SECONDS = env.number("INDEX_SECONDS", 30, minimum=1)
SCHEDULES_SECONDS = env.number("SCHEDULES_SECONDS", 5, minimum=1)
CONTAINER_WATCH_SECONDS = env.number("CONTAINER_WATCH_SECONDS", 3, minimum=1)
# A running job shows a sign of life this often; one without any for longer than STALE has lost its worker.
HEARTBEAT_SECONDS = env.number("HEARTBEAT_SECONDS", 10, minimum=1)
STALE_SECONDS = env.number("STALE_SECONDS", 45, minimum=2)

# A search of files ends after so long with what it has found, and can be gone on with.
SEARCH_SECONDS = env.number("SEARCH_SECONDS", 2, minimum=1)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # A line for each message that comes in, several a second: jobs have lines of their own.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
