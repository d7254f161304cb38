from __future__ import annotations

from scripts.check_files import LONGEST, problems


def test_a_long_file_is_named() -> None:
    (found,) = problems("worker/x.py", "x\n" * (LONGEST + 1))
    assert found.startswith("worker/x.py: 301 lines")
    assert not problems("worker/x.py", "x\n" * LONGEST)
    assert not problems("dashboard/static/vendor/htmx.js", "x\n" * 5000)
    assert not problems("LICENSE", "x\n" * 5000)


def test_a_package_host_is_named() -> None:
    host = ".".join(("pypi", "org"))
    (found,) = problems("requirements.txt", f"see {host}\n")
    assert found == f"requirements.txt: names a package host ({host})"
    assert not problems("requirements.txt", "django==5.2\n    --hash=sha256:00\n")
