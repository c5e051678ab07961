"""The orchestrator over the real adapter, against a server process that plays a script."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from sottovoce.core.events import Role
from sottovoce.core.limits import MAX_ITEMS
from sottovoce.core.task import TaskState
from sottovoce.orchestrator.base import Goodbye, Prompt, Say
from sottovoce.orchestrator.builtin import SKILLS as BUILTIN
from sottovoce.orchestrator.model import NOT_FOR_MODELS, ModelOrchestrator
from sottovoce.orchestrator.openai_model import OpenAIProvider
from sottovoce.orchestrator.skills import Job, Skills, SkillSet, Text, task_skill
from sottovoce.orchestrator.thinking import MISTAKES, ROUNDS, UNDER_WAY
from tests.orchestrator.conversation import Conversation
from tests.peers.scripts import ScriptedModel, call, rule

SORRY = "Sorry, I lost the thread. Please say that again."
SORRY_IN_GERMAN = "Entschuldigung, ich habe den Faden verloren. Sag das bitte noch einmal."


@task_skill
async def research(job: Job, about: Text) -> dict[str, str]:
    """Find out something; it takes a while."""
    await job.until(job.ends_at - (job.ends_at - job.now()) / 2)
    job.say(f"I know more about {about} now.")
    return {"found": f"all about {about}"}


@task_skill
async def look_up(job: Job, about: Text) -> str:  # noqa: ARG001 - as skills are called
    """Know something at once, and say nothing."""
    return f"what is known of {about}"


@task_skill
async def breaks(job: Job) -> None:  # noqa: ARG001 - as skills are called
    """Fail."""
    raise RuntimeError


SKILLS = Skills([BUILTIN, SkillSet(skills=(research, look_up, breaks))])


class ModelConversation(Conversation):
    """One with the model."""

    def __init__(self, url: str, context_tokens: int = 8_000) -> None:
        super().__init__(skills=SKILLS)
        self.failures: list[str] = []
        self.model = OpenAIProvider.model(url, None)
        self.orchestrator = ModelOrchestrator(
            self.commander, self.model, SKILLS, context_tokens=context_tokens, failed=self.failures.append
        )


@pytest.fixture
async def talk(scripted: ScriptedModel) -> AsyncGenerator[ModelConversation, None]:
    made = ModelConversation(scripted.url + "&timeout=1")
    await made.admit()
    scripted.plays()
    yield made
    await made.memory.close()
    await made.orchestrator.close()


def results(scripted: ScriptedModel, at: int = -1) -> list[str]:
    """What the tools answered, in a request."""
    return [m["content"] for m in scripted.requests()[at]["messages"] if m["role"] == "tool"]


async def test_a_command_costs_no_model(scripted: ScriptedModel, talk: ModelConversation) -> None:
    assert await talk.hear("set a timer for five minutes") == "The timer is set for five minutes."
    assert await talk.hear("") == "Hello. What can I do for you?"
    assert scripted.requests() == []


async def test_what_is_no_command_is_answered_by_the_model_in_sentences(
    scripted: ScriptedModel, talk: ModelConversation
) -> None:
    talk.instructions = "You are a pirate."
    scripted.plays(
        rule("Why is the sky blue?", ["<think>physics</think>", "**Light** scat", "ters. It is", " blue! 😀"])
    )
    assert await talk.replies("Why is the sky blue?") == [Say("Light scatters."), Say("It is blue!")]
    [request] = scripted.requests()
    system = request["messages"][0]["content"]
    assert "You are a pirate." in system
    assert '"en"' in system
    assert "Wednesday, 2025-11-19T10:00+01:00" in request["messages"][-1]["content"]
    names = {tool["function"]["name"] for tool in request["tools"]}
    assert names == {skill.name for skill in SKILLS.all} - NOT_FOR_MODELS
    timer = next(tool["function"] for tool in request["tools"] if tool["function"]["name"] == "timer")
    assert timer["description"] == "Speak up after some time."
    assert timer["parameters"]["properties"]["seconds"]["anyOf"][0]["minimum"] == 1


async def test_a_sentence_is_there_while_the_model_still_writes(
    scripted: ScriptedModel, talk: ModelConversation
) -> None:
    scripted.plays(rule("tell me", ["Once. ", {"text": "Then no more.", "wait": 0.9}]))
    async with aclosing(talk.orchestrator.reply(Prompt(text="tell me", spoken=True), talk)) as replies:
        async with asyncio.timeout(0.8):
            assert await anext(replies) == Say("Once.")
        assert await anext(replies) == Say("Then no more.")


async def test_the_session_may_ask_the_model_to_begin(scripted: ScriptedModel, talk: ModelConversation) -> None:
    talk.instructions = "Begin with a riddle."
    scripted.plays(rule("The user has said nothing", ["What has keys and opens nothing?"]))
    assert await talk.hear("") == "What has keys and opens nothing?"


async def test_a_tool_is_a_skill_and_what_it_says_is_said(scripted: ScriptedModel, talk: ModelConversation) -> None:
    scripted.plays(
        rule("the eggs", ["Let me see. ", call("timer", {"seconds": 300}), call("note", {"text": "buy eggs"})], [])
    )
    assert await talk.replies("the eggs are in the pot and it was the last pair") == [
        Say("Let me see."),
        Say("The timer is set for five minutes."),
        Say("Noted: buy eggs."),
    ]
    assert await talk.states() == [("timer", TaskState.WORKING), ("note", TaskState.COMPLETED)]
    first, second = results(scripted)
    assert '"said":"The timer is set for five minutes."' in first
    assert '"result":{"text":"buy eggs"}' in second
    spoken = [m["content"] for m in scripted.requests()[-1]["messages"] if m["role"] == "assistant"]
    assert spoken == ["Let me see."]


async def test_a_tool_that_takes_long_becomes_a_task_and_the_talk_goes_on(
    scripted: ScriptedModel, talk: ModelConversation
) -> None:
    scripted.plays(
        rule("find out", [call("research", {"about": "otters"})], ["I'm on it."]),
        rule("meanwhile", ["Otters hold hands."]),
        rule("and now", ["As I said."]),
    )
    assert await talk.hear("find out about otters for me") == "I'm on it."
    assert UNDER_WAY in results(scripted)[0]
    assert await talk.hear("meanwhile something else") == "Otters hold hands."
    assert 'Task research {"about":"otters"}: working' in scripted.requests()[-1]["messages"][-1]["content"]
    await talk.time.pass_(43_200)
    assert talk.announced == ["I know more about otters now."]
    talk.add(Role.ASSISTANT, talk.announced[0])
    await talk.hear("and now")
    newest = scripted.requests()[-1]["messages"][-1]["content"]
    assert 'completed, result {"found":"all about otters"}' in newest
    assert ("assistant", "Otters hold hands.\nI know more about otters now.") in scripted.told()


async def test_what_a_silent_tool_found_is_woven_in(scripted: ScriptedModel, talk: ModelConversation) -> None:
    scripted.plays(rule("otters", [call("look_up", {"about": "otters"})], ["They are mustelids."]))
    assert await talk.hear("who are otters") == "They are mustelids."
    assert '"result":"what is known of otters"' in results(scripted)[0]


async def test_a_tool_that_asks_ends_the_answer_and_the_grammar_takes_the_yes(
    scripted: ScriptedModel, talk: ModelConversation
) -> None:
    await talk.hear("note that the key is under the mat")
    scripted.plays(rule("get rid", [call("delete", {"kind": "note"})], ["It is gone!"]))
    assert await talk.hear("get rid of what i wrote") == "Delete this note: the key is under the mat? Yes or no?"
    assert len(scripted.requests()) == 1, "the model does not go on before the user has answered"
    assert await talk.hear("yes") == "Deleted."
    assert len(scripted.requests()) == 1


async def test_what_is_called_beside_a_question_is_done_and_ends_nothing(
    scripted: ScriptedModel, talk: ModelConversation
) -> None:
    await talk.hear("note that the key is under the mat")
    scripted.plays(rule("get rid", [call("delete", {"kind": "note"}), call("timer", {"seconds": 300})]))
    assert await talk.replies("get rid of what i wrote") == [
        Say("Delete this note: the key is under the mat? Yes or no?"),
        Say("The timer is set for five minutes."),
    ]
    assert await talk.hear("yes") == "Deleted."


async def test_a_task_that_fails_is_told_to_the_model(scripted: ScriptedModel, talk: ModelConversation) -> None:
    scripted.plays(rule("go", [call("breaks")], ["It did not work."]))
    assert await talk.hear("go and break it") == "It did not work."
    assert '"state":"failed"' in results(scripted)[0]


async def test_the_model_can_end_the_session(scripted: ScriptedModel, talk: ModelConversation) -> None:
    scripted.plays(rule("off to bed", ["Sleep well. ", call("goodbye")], ["Are you there?"]))
    assert await talk.replies("i am off to bed then") == [Say("Sleep well."), Say("Goodbye."), Goodbye()]


@pytest.mark.parametrize(
    "wrong",
    [
        call("no_such_tool"),
        call("timer", '{"seconds": 300'),
        call("timer", "[300]"),
        call("timer", {"seconds": "five minutes"}),
        call("timer", {"minutes": 5}),
    ],
)
async def test_a_wrong_call_is_told_to_the_model_which_may_mend_it(
    scripted: ScriptedModel, talk: ModelConversation, wrong: dict[str, Any]
) -> None:
    scripted.plays(rule("eggs", [wrong], [call("timer", {"seconds": 300})], []))
    assert await talk.hear("the eggs are in the pot") == "The timer is set for five minutes."
    assert "error" in results(scripted, 1)[0]
    assert talk.failures == []


async def test_the_same_call_is_made_once(scripted: ScriptedModel, talk: ModelConversation) -> None:
    again = [call("timer", {"seconds": 300})]
    scripted.plays(rule("eggs", again, again, ["Enjoy."]))
    assert await talk.hear("the eggs are in the pot") == "The timer is set for five minutes. Enjoy."
    assert await talk.states() == [("timer", TaskState.WORKING)]


@pytest.mark.parametrize(
    ("rounds", "before", "code"),
    [
        ([["One. Two thr", {"cut": True}]], ["One."], "engine_unavailable"),
        ([["One. Two thr", {"raw": "data: }{\n\n"}]], ["One."], "engine_failed"),
        ([["One. Two thr", {"wait": 30, "text": "ee."}]], ["One."], "model_stalled"),
        ([[{"wait": 30, "text": "One."}]], [], "model_stalled"),
        ([[{"status": 500}]], [], "engine_unavailable"),
        ([[]], [], "model_nonsense"),
        ([["<think>it never ends"]], [], "model_nonsense"),
        ([[{"think": "hm", "repeat": 20_001}]], [], "model_nonsense"),
        ([[call("no_such_tool")]] * (MISTAKES + 1), [], "model_nonsense"),
        ([[call("look_up", {"about": f"otter {n}"})] for n in range(ROUNDS)], [], "model_nonsense"),
    ],
)
async def test_a_model_that_fails_costs_one_apology(
    scripted: ScriptedModel, talk: ModelConversation, rounds: list[Any], before: list[str], code: str
) -> None:
    scripted.plays(rule("first", *rounds), rule("second", ["Here I am."]))
    assert await talk.replies("at first") == [*(Say(text) for text in before), Say(SORRY)]
    assert talk.failures == [code]
    assert await talk.hear("now the second one") == "Here I am."


async def test_it_apologises_in_german(scripted: ScriptedModel, talk: ModelConversation) -> None:
    talk.language = "de"
    scripted.plays(rule("na los", [{"cut": True}]))
    assert await talk.hear("na los") == SORRY_IN_GERMAN


async def test_a_model_that_writes_without_an_end_is_stopped(scripted: ScriptedModel, talk: ModelConversation) -> None:
    scripted.plays(rule("go on", [{"text": "And on it goes. ", "repeat": 100_000}]))
    replies = await talk.replies("go on then")
    assert replies[-1] == Say(SORRY)
    assert 100 < len(replies) < 500


async def test_a_model_speaks_languages_that_the_grammar_does_not(
    scripted: ScriptedModel, talk: ModelConversation
) -> None:
    talk.language = "fr"
    scripted.plays(rule("bonjour", ["Bonjour."]))
    assert await talk.hear("bonjour") == "Bonjour."


async def test_the_context_is_the_conversation_as_it_was_heard(
    scripted: ScriptedModel, talk: ModelConversation
) -> None:
    scripted.plays(rule("hello", ["Hello. I could talk for hours."]), rule("so", ["Well."]))
    await talk.hear("hello you")
    talk.items.get(talk.history[-1].id).text = "Hello. I could"
    talk.add(Role.SYSTEM, "The user is tired.")
    await talk.hear("so")
    assert scripted.told() == [("user", "hello you"), ("assistant", "Hello. I could"), ("user", "so")]
    assert "The user is tired." in scripted.requests()[-1]["messages"][0]["content"]


async def test_the_user_begins_and_takes_turns_with_the_assistant(
    scripted: ScriptedModel, talk: ModelConversation
) -> None:
    """The templates of some models know nothing else."""
    scripted.plays(rule("so", ["Yes."]))
    talk.add(Role.ASSISTANT, "Hello.")
    talk.add(Role.ASSISTANT, "Your timer is up.")
    talk.add(Role.USER, "thank")
    talk.add(Role.USER, "you")
    await talk.hear("so")
    assert [role for role, _ in scripted.told()] == ["user", "assistant", "user"]
    assert scripted.told()[1:] == [("assistant", "Hello.\nYour timer is up."), ("user", "thank\nyou\nso")]


async def test_what_was_said_since_is_answered_later(scripted: ScriptedModel, talk: ModelConversation) -> None:
    scripted.plays(rule("one", ["1."]), rule("two", ["2."]))
    one, two = talk.add(Role.USER, "say one"), talk.add(Role.USER, "say two")
    for item_id, text in ((one, "say one"), (two, "say two")):
        prompt = Prompt(text=text, spoken=True, item_id=item_id)
        talk.add(
            Role.ASSISTANT, "".join([r.text async for r in talk.orchestrator.reply(prompt, talk) if isinstance(r, Say)])
        )
    assert scripted.told(0) == [("user", "say one")]
    assert scripted.told(1) == [("user", "say one"), ("assistant", "1."), ("user", "say two")]


async def test_calls_stay_in_the_context_until_their_item_goes(
    scripted: ScriptedModel, talk: ModelConversation
) -> None:
    scripted.plays(rule("otters", [call("look_up", {"about": "otters"})], ["Mustelids."]), rule("so", ["Yes."]))
    await talk.hear("who are otters")
    await talk.hear("so")
    assert [role for role, _ in scripted.told()] == ["user", "assistant", "tool", "assistant", "user"]
    talk.items.remove(talk.history[0].id)
    await talk.hear("so what")
    assert "tool" not in [role for role, _ in scripted.told()]
    assert talk.memory.calls.keys() <= {item.id for item in talk.history}


async def fill(talk: ModelConversation, turns: int) -> None:
    for turn in range(turns):
        talk.add(Role.USER, f"Fact {turn} is {'very ' * 50}true.")
        talk.add(Role.ASSISTANT, f"I see, fact {turn}.")


async def test_a_full_context_is_summarised_beside_the_conversation(
    scripted: ScriptedModel, talk: ModelConversation
) -> None:
    summary = rule("User: Fact 0", ["<think>short</think>", "The user told facts."])
    scripted.plays(rule("so", ["Yes."]), summary)
    await fill(talk, 60)
    assert await talk.hear("so") == "Yes."
    told = scripted.told(0)
    assert told[0][1] != "Fact 0", "what does not fit is left out at once"
    assert sum(len(text) for _, text in told) < 8_000 * 3
    work = talk.memory.work
    assert work is not None
    await work
    assert talk.memory.summary == "The user told facts."
    assert await talk.hear("so what") == "Yes."
    assert "The user told facts." in scripted.requests()[-1]["messages"][0]["content"]
    assert not any("Fact 0 " in text for _, text in scripted.told())
    assert any("Fact 59 " in text for _, text in scripted.told())
    assert talk.failures == []


async def test_what_is_summarised_fits_into_the_context(scripted: ScriptedModel, talk: ModelConversation) -> None:
    scripted.plays(rule("so", ["Yes."]), rule("User: Fact", ["The user told facts."]))
    for _ in range(80):
        talk.add(Role.USER, f"Fact: {'x' * 3_000}")
    await talk.hear("so")
    assert talk.memory.work is not None
    await talk.memory.work
    assert talk.memory.summary == "The user told facts."
    assert all(len(request["messages"][-1]["content"]) <= 2 * 8_000 for request in scripted.requests())


async def test_what_cannot_be_summarised_is_dropped(scripted: ScriptedModel, talk: ModelConversation) -> None:
    scripted.plays(rule("so", ["Yes."]), rule("User: Fact 0", [{"cut": True}]))
    await fill(talk, 60)
    await talk.hear("so")
    work = talk.memory.work
    assert work is not None
    await work
    assert talk.memory.summary == ""
    assert talk.failures == ["model_summary"]
    assert await talk.hear("so what") == "Yes."
    assert not any("Fact 0 " in text for _, text in scripted.told())


async def test_what_a_client_deletes_does_not_live_on_in_the_summary(
    scripted: ScriptedModel, talk: ModelConversation
) -> None:
    scripted.plays(rule("so", ["Yes."]), rule("User: Fact 0", ["The user told facts."]))
    await fill(talk, 60)
    await talk.hear("so")
    assert talk.memory.work is not None
    await talk.memory.work
    talk.items.remove(talk.history[2].id)
    await talk.hear("so what")
    assert "The user told facts." not in scripted.requests()[-1]["messages"][0]["content"]


async def test_what_is_too_old_to_be_kept_stays_in_the_summary(
    scripted: ScriptedModel, talk: ModelConversation
) -> None:
    scripted.plays(rule("so", ["Yes."]), rule("User: Fact", ["The user told facts."]))
    await fill(talk, MAX_ITEMS // 2)
    await talk.hear("so")
    assert talk.memory.work is not None
    await talk.memory.work
    await fill(talk, 3)
    await talk.hear("so what")
    assert "The user told facts." in scripted.requests()[-1]["messages"][0]["content"]


async def test_an_answer_that_is_stopped_stops_the_model_and_keeps_what_it_called(
    scripted: ScriptedModel, talk: ModelConversation
) -> None:
    scripted.plays(
        rule("eggs", [call("timer", {"seconds": 300})], [{"text": "I go on. ", "wait": 0.2, "repeat": 5_000}]),
        rule("so", ["Yes."]),
    )
    item_id = talk.add(Role.USER, "the eggs are in the pot")
    prompt = Prompt(text="the eggs are in the pot", spoken=True, item_id=item_id)
    async with asyncio.timeout(10), aclosing(talk.orchestrator.reply(prompt, talk)) as replies:
        assert await anext(replies) == Say("The timer is set for five minutes.")
        assert await anext(replies) == Say("I go on.")
        assert scripted.playing() == 1
    assert await scripted.silent()
    await talk.hear("so")
    assert await talk.states() == [("timer", TaskState.WORKING)]
    assert [role for role, _ in scripted.told()] == ["user", "assistant", "tool", "user"]


async def test_half_a_character_harms_nothing(scripted: ScriptedModel, talk: ModelConversation) -> None:
    talk.instructions = "\udc00"
    scripted.plays(rule("who", ["Me \\udc00."]))
    assert await talk.hear("who is there \ud800") == "Me \\udc00."


async def test_nothing_is_kept_at_the_end(scripted: ScriptedModel, talk: ModelConversation) -> None:
    scripted.plays(
        rule("otters", [call("look_up", {"about": "otters"})], ["Mustelids."]), rule("User: Fact", [{"wait": 30}])
    )
    await fill(talk, 60)
    await talk.hear("who are otters")
    work = talk.memory.work
    assert work is not None
    await talk.memory.close()
    assert work.done()
    assert (talk.memory.summary, talk.memory.calls, talk.memory.summarised) == ("", {}, set())
