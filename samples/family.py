"""A family of images as a team would have it: bases, forks, twins, an index; made from this machine's files.

Nothing of it comes from elsewhere, so that the demo works without internet, and every image whose platform is
this machine's really runs. The layers tell the truth about their content, the history tells a story.
"""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any

from samples import host
from samples.builders import Content, SampleImage, image, index, recompressed
from samples.layers import Entry, SampleLayer, directory, from_tar, layer, symlink, write_tar
from worker.engine.oci import Platform

MIB = 1 << 20
_SHELL = (
    "sh cat chmod cp cut date df du echo env false find grep head hostname id kill ln ls mkdir mv nl od ps"
)
_SHELL += " printf pwd readlink rm rmdir sed seq sleep sort stat tail tee touch tr true uname uniq wc whoami"
_TOOLS = "bash awk diff file gzip less lsof perl strace tar vi which xargs xz"

_PASSWD = (
    b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/srv/app:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
)
_GROUP = b"root:x:0:\napp:x:1000:\nnogroup:x:65534:\n"
_RELEASE = b'PRETTY_NAME="Strata sample base 12"\nNAME="Strata sample base"\nID=sample\nVERSION_ID="12"\n'
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Family = list[tuple[str, str, Content]]


def sample_family() -> Family:
    """Build the family: (repository, tag, image or index), in an order in which to pull them.

    Raises:
        samples.host.NothingToRun: this machine has no shell to copy.
    """
    base = _base()
    python = _python(base)
    api = _api(python)
    fixed = _fixed(api)
    web = _web(base)
    site = _site(web)
    return [
        ("base", "12", index([base, _other_platform()], attestations=True)),
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


def _base() -> SampleImage:
    links = {
        "bin": "usr/bin",
        "sbin": "usr/sbin",
        "lib": "usr/lib",
        "lib32": "usr/lib32",
        "lib64": "usr/lib64",
    }
    folders = (
        "dev etc home mnt opt proc root run srv sys tmp usr usr/bin usr/lib usr/lib32 usr/lib64 usr/local"
    )
    folders += " usr/sbin usr/share var var/cache var/lib var/log"
    modes = {"tmp": 0o1777, "root": 0o700}
    entries = [directory(path, modes.get(path, 0o755)) for path in folders.split()]
    entries += [symlink(path, target) for path, target in links.items()]
    entries += _files({"etc/passwd": _PASSWD, "etc/group": _GROUP, "etc/os-release": _RELEASE})
    entries += _files(
        {"etc/hostname": b"sample\n", "etc/profile": b"export PS1='$ '\n", "var/log/.keep": b""}
    )
    entries += host.programs(_SHELL.split(), [entry.path for entry in entries])
    zones = host.material(["/usr/share/zoneinfo"], "usr/share/zoneinfo", limit=3 * MIB)
    return image(
        [_layer(entries), _layer([*zones, *_files({"etc/timezone": b"Etc/UTC\n"})])],
        platform=str(Platform.host()),
        created="2026-01-05T09:00:00Z",
        history=[
            "/bin/sh -c #(nop) ADD file:rootfs.tar in / ",
            _empty('/bin/sh -c #(nop)  CMD ["sh"]'),
            _run("apt-get update && apt-get install -y --no-install-recommends tzdata && apt-get clean"),
        ],
        run={
            "Cmd": ["sh"],
            "Env": [_PATH, "LANG=C.UTF-8"],
            "Labels": {"org.opencontainers.image.title": "base", "org.opencontainers.image.version": "12"},
        },
    )


def _other_platform() -> SampleImage:
    """The base for a platform that this machine is not: no programs, for it has none to copy."""
    other = "linux/amd64" if Platform.host().architecture == "arm64" else "linux/arm64"
    entries = [
        directory("etc"),
        *_files({"etc/os-release": _RELEASE, "etc/passwd": _PASSWD, "etc/group": _GROUP}),
    ]
    zones = host.material(["/usr/share/zoneinfo"], "usr/share/zoneinfo", limit=MIB)
    return image(
        [_layer(entries), _layer([directory("usr"), directory("usr/share"), *zones])],
        platform=other,
        created="2026-01-05T09:00:00Z",
        history=["/bin/sh -c #(nop) ADD file:rootfs.tar in / ", _run("apt-get install -y tzdata")],
        run={"Env": [_PATH], "Labels": {"org.opencontainers.image.title": "base"}},
    )


def _python(base: SampleImage) -> SampleImage:
    return image(
        [_layer(host.python(_paths(base)))],
        base=base,
        created="2026-02-02T10:00:00Z",
        history=[
            _empty("ENV LD_LIBRARY_PATH=/usr/local/lib"),
            "COPY /usr/local /usr/local # buildkit",
            _empty('CMD ["python3"]'),
        ],
        run={
            "Cmd": ["python3"],
            "Env": [_PATH, "LANG=C.UTF-8", f"LD_LIBRARY_PATH=/{host.OTHER_LIBRARIES}", "PYTHONUNBUFFERED=1"],
            "Labels": {"org.opencontainers.image.title": "python"},
        },
    )


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
            _layer([directory("usr/local/share"), *packages]),
            _layer([*folders, *_files(code, uid=1000)]),
        ],
        base=python,
        created="2026-03-10T14:30:00Z",
        history=[
            _run("pip install --no-cache-dir -r requirements.txt"),
            _empty("WORKDIR /srv/app"),
            "COPY --chown=app . /srv/app # buildkit",
            _empty("EXPOSE map[8000/tcp:{}]"),
            _empty('CMD ["python3" "-m" "api"]'),
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
        history=[_run("rm -rf api/legacy.py static/* && tar -xf /tmp/release-1.1.tar")],
        run={"Labels": {"org.opencontainers.image.title": "api", "org.opencontainers.image.version": "1.1"}},
    )


def _debug(api: SampleImage) -> SampleImage:
    docs = host.material(["/usr/share/vim", "/usr/share/perl"], "usr/share/tools", limit=2 * MIB)
    return image(
        [_layer([*host.programs(_TOOLS.split(), _paths(api)), *docs])],
        base=api,
        created="2026-04-22T16:45:00Z",
        history=[_empty("USER root"), _run("apt-get update && apt-get install -y bash strace perl vim")],
        run={"Cmd": ["sh"], "Labels": {"org.opencontainers.image.title": "api with tools"}},
    )


def _worker(python: SampleImage) -> SampleImage:
    packages = host.material(
        ["/usr/share/perl", "/usr/lib/git-core", "/usr/share/perl5"], "usr/local/share/queue", limit=8 * MIB
    )
    code = {"srv/worker/__main__.py": _SERVICE, "srv/worker/__init__.py": b'VERSION = "2.0"\n'}
    return image(
        [
            _layer([directory("usr/local/share"), *packages]),
            _layer([directory("srv/worker"), *_files(code)]),
        ],
        base=python,
        created="2026-05-03T11:20:00Z",
        history=[
            _run("pip install --no-cache-dir queue==5.4"),
            "COPY worker /srv/worker # buildkit",
            _empty("USER app"),
            _empty('ENTRYPOINT ["python3" "-m"]'),
            _empty('CMD ["worker"]'),
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
    loop = 'echo "web 2.4 serves $(ls /var/www/html | wc -l) files"; while :; do date; sleep 2; done'
    page = {"var/www/html/index.html": b"<!doctype html><title>It works</title><h1>It works</h1>\n"}
    return image(
        [
            _layer(docs),
            _layer([directory("var/www"), directory("var/www/html"), *_files(page)]),
        ],
        base=base,
        created="2026-01-20T13:00:00Z",
        history=[
            _run("apt-get update && apt-get install -y --no-install-recommends web=2.4 && apt-get clean"),
            _run("echo '<h1>It works</h1>' > /var/www/html/index.html"),
            _empty("EXPOSE map[80/tcp:{} 443/tcp:{}]"),
            _empty("VOLUME [/var/log/web]"),
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
        [_layer(pages)],
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
            _layer(
                host.material(["/usr/share/locale", "/usr/share/doc"], "var/www/html/guide", limit=8 * MIB)
            ),
        ],
        base=site,
        created="2026-08-30T17:05:00Z",
        history=[_run("rm -rf /var/www/html/docs"), "COPY public /var/www/html/guide # buildkit"],
        run={"Labels": {"org.opencontainers.image.title": "site", "org.opencontainers.image.version": "2"}},
    )


def _model(base: SampleImage) -> SampleImage:
    """One large file that does not compress: a long bar to watch."""
    weights = random.Random(2026).randbytes(8 * MIB)
    return image(
        [_layer([directory("srv/model"), Entry("srv/model/weights.bin", weights)])],
        base=base,
        created="2026-07-01T12:00:00Z",
        history=["ADD weights.bin /srv/model/ # buildkit", _empty("WORKDIR /srv/model")],
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


def _paths(below: SampleImage) -> set[str]:
    """Everything that the layers of an image bring."""
    found: set[str] = set()
    for part in below.layers:
        with tarfile.open(fileobj=io.BytesIO(part.tar)) as tar:
            found.update(tar.getnames())
    return found


def _layer(entries: Iterable[Entry]) -> SampleLayer:
    return from_tar(write_tar(entries))


def _files(content: Mapping[str, bytes], uid: int = 0) -> list[Entry]:
    return [Entry(path, data, uid=uid, gid=uid) for path, data in sorted(content.items())]


def _run(command: str) -> str:
    return f"RUN /bin/sh -c {command} # buildkit"


def _empty(command: str) -> dict[str, Any]:
    return {"created_by": command, "empty_layer": True}
