"""What holds for every template and every static file, whoever wrote them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard.icons import icons

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STYLES = sorted((ROOT / "dashboard/static/css").glob("*.css"))
SCRIPTS = sorted((ROOT / "dashboard/static/js").glob("*.js"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_no_template_needs_what_the_content_security_policy_forbids(path: Path) -> None:
    """No inline style or script, no event attributes, nothing of htmx that is evaluated."""
    text = path.read_text()
    assert not re.search(r"\sstyle\s*=", text)
    assert "<style" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\son[a-z]+\s*=", text)
    assert "hx-on" not in text
    assert "js:" not in text
    assert not re.search(r'hx-trigger="[^"]*\[', text)


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_every_icon_that_is_asked_for_is_vendored(path: Path) -> None:
    asked = set(re.findall(r'{% icon "([^"]+)"', path.read_text()))
    assert asked <= icons().keys()


@pytest.mark.parametrize("path", [*STYLES, *SCRIPTS, *TEMPLATES], ids=name)
def test_nothing_is_fetched_from_elsewhere(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", text)
    assert not re.search(r"""url\(["']?(?:https?:)?//""", text)
    assert "@import" not in text


@pytest.mark.parametrize("path", STYLES, ids=name)
def test_colours_come_from_the_tokens(path: Path) -> None:
    """Only tokens.css and what is printed know colours by number, so that both themes stay complete."""
    if path.name in ("tokens.css", "motion.css"):
        return
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b(?![^{]*{)", re.sub(r"#[a-z][\w-]*", "", path.read_text()))
