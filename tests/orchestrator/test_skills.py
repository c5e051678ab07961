from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from sottovoce.errors import InvalidArguments, SettingsInvalid, UnknownTaskType
from sottovoce.orchestrator import skills as module
from sottovoce.orchestrator.builtin import SKILLS
from sottovoce.orchestrator.skills import (
    Job,
    Moment,
    Seconds,
    Skills,
    SkillSet,
    Text,
    Turn,
    immediate_skill,
    task_skill,
)


@task_skill
async def tea(job: Job, cups: int, seconds: Seconds = 240, kind: Text = "black", due: Moment | None = None) -> int:
    """Make tea."""
    job.say(f"{kind} {seconds} {due}")
    return cups


@immediate_skill
async def weather(turn: Turn, place: Text = "here") -> str:
    """Say the weather."""
    return f"{turn.now} {place}"


TEMPLATES = {"en": "intents: {tea: {data: [{sentences: ['make {number:cups} cups of tea']}]}}"}


def test_arguments_are_read_as_the_function_declares_them() -> None:
    assert tea.read({"cups": 2}) == {"cups": 2}
    assert tea.read({"cups": 2, "due": "2025-11-19T12:00:00+02:00"})["due"] == datetime(2025, 11, 19, 10, 0, tzinfo=UTC)
    assert tea.normal({"cups": 2, "due": "2025-11-19T12:00:00+02:00"}) == {"cups": 2, "due": "2025-11-19T10:00:00Z"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "cups"),
        ({"cups": "two"}, "cups"),
        ({"cups": 2, "seconds": 0}, "seconds"),
        ({"cups": 2, "kind": 7}, "kind"),
        ({"cups": 2, "due": "tomorrow"}, "due"),
        ({"cups": 2, "due": "2025-11-19T12:00:00"}, "due"),
        ({"cups": 2, "due": "9999-12-31T23:59:59-05:00"}, "due"),
        ({"cups": 2, "due": "0001-01-01T00:00:00+05:00"}, "due"),
        ({"cups": 2, "milk": True}, "milk"),
    ],
)
def test_the_argument_that_is_wrong_is_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidArguments, match=named):
        tea.read(arguments)


def test_types_of_tasks_are_the_skills_that_run_as_tasks() -> None:
    skills = Skills([SKILLS, SkillSet(skills=(tea, weather))])
    assert skills.task_types == ("delete", "note", "reminder", "tea", "timer")
    assert skills.task("tea") is tea
    assert skills.get("weather") is weather
    for name in ("weather", "coffee"):
        with pytest.raises(UnknownTaskType, match="delete, note, reminder, tea, timer"):
            skills.task(name)


def test_a_skill_of_others_brings_its_sentences() -> None:
    skills = Skills([SKILLS, SkillSet(skills=(tea,), templates=TEMPLATES)])
    assert "<intent_tea> = make <list_number> cups of tea ;" in skills.grammars["en"]
    assert "intent_tea" not in skills.grammars["de"]


def test_names_are_taken_once_and_sentences_call_what_is_there() -> None:
    with pytest.raises(ValueError, match="Two skills are named tea"):
        Skills([SkillSet(skills=(tea,)), SkillSet(skills=(tea,))])
    with pytest.raises(ValueError, match="tea"):
        Skills([SKILLS, SkillSet(skills=(), templates=TEMPLATES)]).templates("en")


def test_ours_come_through_the_door_that_others_use() -> None:
    names = {name for name in ("reminder", "list", "goodbye") if Skills.installed().get(name) is not None}
    assert names == {"reminder", "list", "goodbye"}


def test_a_server_without_skills_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*, group: str) -> list[EntryPoint]:
        assert group == "sottovoce.skills"
        return []

    monkeypatch.setattr(module, "entry_points", none)
    Skills.installed.cache_clear()
    with pytest.raises(SettingsInvalid, match="make setup"):
        Skills.installed()
