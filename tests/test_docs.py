"""The documentation against the code: what is not documented fails here."""

import re
from pathlib import Path

import pytest

from sottovoce.orchestrator.skills import ANSWERS, Skills
from sottovoce.wire.views import TaskView
from tools import make_docs

DOCS = make_docs.DOCS
PAGES = sorted([*DOCS.rglob("*.md"), *make_docs.ROOT.glob("*.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def test_what_is_made_from_code_is_current() -> None:
    stale = [
        str(path.relative_to(make_docs.ROOT)) for path, page in make_docs.pages().items() if path.read_text() != page
    ]
    assert stale == [], "run `make docs`"


def test_every_reason_to_refuse_a_message_is_documented() -> None:
    reasons = make_docs.message_reasons()
    page = (DOCS / "reference" / "errors.md").read_text()
    assert len(reasons) > 5
    assert [reason for reason in sorted(reasons) if f"| `{reason}` |" not in page] == []


def test_what_a_task_is_and_takes_is_documented() -> None:
    page = (DOCS / "reference" / "rest.md").read_text()
    assert f"`{{{', '.join(TaskView.__annotations__)}}}`" in page
    rows = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("| ")}
    assert [kind for kind in ANSWERS if f"`{kind}`" not in rows] == []
    skills = Skills.installed()
    missing = [
        (skill, argument)
        for skill in map(skills.task, skills.task_types)
        for argument in skill.schema["properties"]
        if f"`{argument}`" not in rows.get(f"`{skill.name}`", "")
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(make_docs.ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]
    assert broken == []


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_every_page_can_be_found_from_the_index(page: Path) -> None:
    index = DOCS / "README.md"
    listed = {(DOCS / target).resolve() for target in LINK.findall(index.read_text())}
    assert page == index or page.resolve() in listed


def test_a_part_without_its_markers_is_an_error() -> None:
    with pytest.raises(ValueError, match="settings"):
        make_docs.with_part("# Settings\n", "settings", "| a |")


def test_only_the_part_between_the_markers_is_made_anew() -> None:
    page = "before\n<!-- made by `make docs`: x -->\nold\n<!-- made -->\nafter\n"
    made = make_docs.with_part(page, "x", "new")
    assert made == "before\n<!-- made by `make docs`: x -->\n\nnew\n\n<!-- made -->\nafter\n"
    assert make_docs.with_part(made, "x", "new") == made
