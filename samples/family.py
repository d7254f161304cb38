"""A family of images as a team would have it: bases, forks, twins, an index; made from this machine's files.

Nothing of it comes from elsewhere, so that the demo works without internet, and every image whose platform is
this machine's really runs. The layers tell the truth about their content, the history tells a story.
"""

from __future__ import annotations

import random

from samples import host
from samples.bases import (
    MIB,
    base_image,
    empty_step,
    files,
    layer_of,
    other_base_image,
    paths_of,
    python_image,
    run_step,
)
from samples.builders import Content, SampleImage, image, index, recompressed
from samples.layers import Entry, directory, layer

_TOOLS = "bash awk diff file gzip less lsof perl strace tar vi which xargs xz"

Family = list[tuple[str, str, Content]]


def sample_family() -> Family:
    """Build the family: (repository, tag, image or index), in an order in which to pull them.

    Raises:
        samples.host.NothingToRun: this machine has no shell to copy.
    """
    base = base_image()
    python = python_image(base)
    api = _api(python)
    fixed = _fixed(api)
    web = _web(base)
    site = _site(web)
    return [
        ("base", "12", index([base, other_base_image()], attestations=True)),
        ("python", "3", python),
        ("api", "1.0", api),
        ("api", "1.1", fixed),
        ("api", "1.1-debug", _debug(fixed)),
        ("worker", "2.0", _worker(python)),
        ("web", "2.4", web),
        ("web", "2.4-zstd", recompressed(web, "zstd")),
        ("site", "1", site),
        ("site", "2", _second_site(site)),
        ("model", "2026", _model(base)),
        ("base", "12-zstd", recompressed(base, "zstd")),
    ]


def _api(python: SampleImage) -> SampleImage:
    packages = host.material(
        ["/usr/lib/python3/dist-packages", "/usr/share/perl5", "/usr/share/perl"],
        "usr/local/share/packages",
        limit=9 * MIB,
    )
    code = {
        "srv/app/api/__init__.py": b'VERSION = "1.0"\n',
        "srv/app/api/__main__.py": _SERVICE,
        "srv/app/api/legacy.py": b"# Kept for version 0.9 of the protocol.\n" * 200,
        "srv/app/static/old.css": b"body { font: 14px sans-serif }\n" * 40,
        "srv/app/static/old.js": b"console.log('hello')\n" * 400,
    }
    folders = [directory(path) for path in ("srv/app", "srv/app/api", "srv/app/static")]
    return image(
        [
            layer_of([directory("usr/local/share"), *packages]),
            layer_of([*folders, *files(code, uid=1000)]),
        ],
        base=python,
        created="2026-03-10T14:30:00Z",
        history=[
            run_step("pip install --no-cache-dir -r requirements.txt"),
            empty_step("WORKDIR /srv/app"),
            "COPY --chown=app . /srv/app # buildkit",
            empty_step("EXPOSE map[8000/tcp:{}]"),
            empty_step('CMD ["python3" "-m" "api"]'),
        ],
        run={
            "Cmd": ["python3", "-m", "api"],
            "WorkingDir": "/srv/app",
            "ExposedPorts": {"8000/tcp": {}},
            "StopSignal": "SIGINT",
            "Labels": {"org.opencontainers.image.title": "api", "org.opencontainers.image.version": "1.0"},
        },
    )


def _fixed(api: SampleImage) -> SampleImage:
    """A release that removes: a whiteout, an opaque directory, and a changed file."""
    patch = layer(
        {
            "srv/app/api/__init__.py": b'VERSION = "1.1"\n',
            "srv/app/static/site.css": b":root { color-scheme: light dark }\n" * 30,
        },
        whiteouts=["srv/app/api/legacy.py"],
        opaque=["srv/app/static"],
    )
    return image(
        [patch],
        base=api,
        created="2026-04-21T08:15:00Z",
        history=[run_step("rm -rf api/legacy.py static/* && tar -xf /tmp/release-1.1.tar")],
        run={"Labels": {"org.opencontainers.image.title": "api", "org.opencontainers.image.version": "1.1"}},
    )


def _debug(api: SampleImage) -> SampleImage:
    docs = host.material(["/usr/share/vim", "/usr/share/perl"], "usr/share/tools", limit=2 * MIB)
    return image(
        [layer_of([*host.programs(_TOOLS.split(), paths_of(api)), *docs])],
        base=api,
        created="2026-04-22T16:45:00Z",
        history=[
            empty_step("USER root"),
            run_step("apt-get update && apt-get install -y bash strace perl vim"),
        ],
        run={"Cmd": ["sh"], "Labels": {"org.opencontainers.image.title": "api with tools"}},
    )


def _worker(python: SampleImage) -> SampleImage:
    packages = host.material(
        ["/usr/share/perl", "/usr/lib/git-core", "/usr/share/perl5"], "usr/local/share/queue", limit=8 * MIB
    )
    code = {"srv/worker/__main__.py": _SERVICE, "srv/worker/__init__.py": b'VERSION = "2.0"\n'}
    return image(
        [
            layer_of([directory("usr/local/share"), *packages]),
            layer_of([directory("srv/worker"), *files(code)]),
        ],
        base=python,
        created="2026-05-03T11:20:00Z",
        history=[
            run_step("pip install --no-cache-dir queue==5.4"),
            "COPY worker /srv/worker # buildkit",
            empty_step("USER app"),
            empty_step('ENTRYPOINT ["python3" "-m"]'),
            empty_step('CMD ["worker"]'),
        ],
        run={
            "Entrypoint": ["python3", "-m"],
            "Cmd": ["worker"],
            "User": "app",
            "WorkingDir": "/srv",
            "Labels": {"org.opencontainers.image.title": "worker"},
        },
    )


def _web(base: SampleImage) -> SampleImage:
    docs = host.material(["/usr/share/man", "/usr/share/locale"], "usr/share/web", limit=5 * MIB)
    # Who does not say what to do at SIGTERM does nothing as process 1, and is killed after ten seconds.
    loop = (
        'trap "exit 0" TERM; echo "web 2.4 serves $(ls /var/www/html | wc -l) files"; '
        "while :; do date; sleep 2 & wait; done"
    )
    page = {"var/www/html/index.html": b"<!doctype html><title>It works</title><h1>It works</h1>\n"}
    return image(
        [
            layer_of(docs),
            layer_of([directory("var/www"), directory("var/www/html"), *files(page)]),
        ],
        base=base,
        created="2026-01-20T13:00:00Z",
        history=[
            run_step("apt-get update && apt-get install -y --no-install-recommends web=2.4 && apt-get clean"),
            run_step("echo '<h1>It works</h1>' > /var/www/html/index.html"),
            empty_step("EXPOSE map[80/tcp:{} 443/tcp:{}]"),
            empty_step("VOLUME [/var/log/web]"),
        ],
        run={
            "Cmd": ["sh", "-c", loop],
            "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
            "Volumes": {"/var/log/web": {}},
            "Labels": {"org.opencontainers.image.title": "web", "org.opencontainers.image.version": "2.4"},
        },
    )


def _site(web: SampleImage) -> SampleImage:
    pages = host.material(["/usr/share/doc", "/usr/share/locale"], "var/www/html/docs", limit=13 * MIB)
    return image(
        [layer_of(pages)],
        base=web,
        created="2026-06-11T07:40:00Z",
        history=["COPY public /var/www/html/docs # buildkit"],
        run={"Labels": {"org.opencontainers.image.title": "site", "org.opencontainers.image.version": "1"}},
    )


def _second_site(site: SampleImage) -> SampleImage:
    """The next version of the site: the old pages are gone, new ones are there."""
    return image(
        [
            layer(
                {"var/www/html/index.html": b"<!doctype html><title>Two</title><h1>Version 2</h1>\n"},
                whiteouts=["var/www/html/docs"],
            ),
            layer_of(
                host.material(["/usr/share/locale", "/usr/share/doc"], "var/www/html/guide", limit=8 * MIB)
            ),
        ],
        base=site,
        created="2026-08-30T17:05:00Z",
        history=[run_step("rm -rf /var/www/html/docs"), "COPY public /var/www/html/guide # buildkit"],
        run={"Labels": {"org.opencontainers.image.title": "site", "org.opencontainers.image.version": "2"}},
    )


def _model(base: SampleImage) -> SampleImage:
    """One large file that does not compress: a long bar to watch."""
    weights = random.Random(2026).randbytes(8 * MIB)
    return image(
        [layer_of([directory("srv/model"), Entry("srv/model/weights.bin", weights)])],
        base=base,
        created="2026-07-01T12:00:00Z",
        history=["ADD weights.bin /srv/model/ # buildkit", empty_step("WORKDIR /srv/model")],
        run={"WorkingDir": "/srv/model", "Labels": {"org.opencontainers.image.title": "model"}},
    )


_SERVICE = b"""import itertools
import time

from . import VERSION

print(f"{__package__} {VERSION} is ready")
for number in itertools.count(1):
    time.sleep(2)
    print(f"{time.strftime('%H:%M:%S')} handled {number * 17} requests")
"""
