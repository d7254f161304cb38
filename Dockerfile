# Two images from one file: `web` (also for beat and for commands) and `worker`, which adds what runs containers.
# Build: docker compose build

ARG BASE=python:3.11-slim-bookworm

# ---- build: everything that needs pip; nothing of it but /venv and /app goes on
FROM ${BASE} AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.txt ./
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements.txt
COPY manage.py ./
COPY dashboard dashboard
COPY worker worker
COPY templates templates
RUN STRATA_SECRET_KEY=only-for-collectstatic STRATA_DATA=/tmp/data \
        /venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && /venv/bin/python -m compileall -q dashboard worker

# ---- base: what every process needs
FROM ${BASE} AS base
RUN groupadd --gid 10001 strata \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin strata \
    && install -d -o strata -g strata /var/lib/strata && install -d /var/lib/strata/store && install -d -m 2770 /var/lib/strata/search
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=dashboard.settings \
    STRATA_DATA=/var/lib/strata
WORKDIR /app

# ---- web: unprivileged, and content with a read-only root file system
FROM base AS web
USER 10001:10001
EXPOSE 8000
CMD ["granian", "dashboard.asgi:application", "--interface", "asgi", "--no-ws", \
     "--host", "0.0.0.0", "--port", "8000", "--workers", "1", \
     "--workers-kill-timeout", "3s", "--respawn-failed-workers", "--backpressure", "8192", "--backlog", "8192", \
     "--static-path-route", "/static", "--static-path-mount", "/app/build/static", "--log-level", "warning"]

# ---- worker: root, because a layer's files have owners; compose.yaml says which few of root's powers are left
FROM base AS worker
RUN apt-get update \
    && apt-get install --yes --no-install-recommends runc conmon \
    && rm -rf /var/lib/apt/lists/*
CMD ["celery", "--app", "worker.celery", "--quiet", "worker", "--queues", "pull,extract", \
     "--concurrency", "2", "--hostname", "pulls@%h", "--without-gossip", "--without-mingle"]
