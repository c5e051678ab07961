"""A language model in a conversation over the real stream: what it does, and what it knows of what was heard."""

import asyncio
from typing import Any

import pytest

from tests.http.conftest import Serve, Server, Stream
from tests.http.test_stream import speak, speech
from tests.peers.scripts import ScriptedModel, call, rule

SORRY = "Sorry, I lost the thread. Please say that again."
STORY = [f"This is sentence number {word} of the story. " for word in ("one", "two", "three", "four", "five", "six")]
LONG = [{"text": part, "wait": 0.05} for part in STORY]


@pytest.fixture
async def server(serve: Serve, scripted: ScriptedModel) -> Server:
    return await serve(model=f"{scripted.url}&timeout=1.5")


async def answered(stream: Stream, text: str) -> str:
    """Type it; what is answered, once all of it was played."""
    at = len(stream.events)
    await stream.type(text)
    await stream.until("output_audio_buffer.stopped")
    return said(stream, at)


def said(stream: Stream, since: int = 0) -> str:
    kind = "response.output_audio_transcript.done"
    return " ".join(event["transcript"] for event in stream.events[since:] if event["type"] == kind)


def of_kind(stream: Stream, kind: str) -> list[dict[str, Any]]:
    return [event for event in stream.events if event["type"] == kind]


async def interrupt(stream: Stream, after_s: float) -> None:
    """A person speaks, in real time, from that moment on; `instant:` hears "hello world"."""
    await asyncio.sleep(after_s)
    await speak(stream, speech(), pace=1.0)


async def test_ten_turns_with_tools_and_with_trouble(server: Server, scripted: ScriptedModel) -> None:
    scripted.plays(
        rule("hello world", ["Good morning. ", "What can I do?"]),
        rule("eggs are in", ["Sure. ", call("timer", {"seconds": 300})], ["Anything else?"]),
        rule("out of eggs", [call("note", {"text": "buy eggs"}), call("reminder", {"text": "call mum"})], []),
        rule("a story", LONG),
        rule("half a thought", ["I wanted to say. But th", {"cut": True}]),
        rule("say nothing", [{"wait": 60, "text": "Never."}]),
        rule("get rid of", [call("delete", {"kind": "note"})], ["Never said."]),
        rule("off to bed", ["Good night. ", call("goodbye")]),
    )
    async with server.stream() as stream:
        await speak(stream, speech())
        await stream.until("output_audio_buffer.stopped")
        assert said(stream) == "Good morning. What can I do?"

        assert await answered(stream, "set a timer for ten minutes") == "The timer is set for ten minutes."
        asked = len(scripted.requests())
        assert asked == 1, "a command costs no model"

        assert await answered(stream, "the eggs are in the pot") == (
            "Sure. The timer is set for five minutes. Anything else?"
        )
        assert await answered(stream, "we are out of eggs") == "Noted: buy eggs. I'll keep that for you: call mum."

        # Somebody speaks over the story; what they say is answered, and the model knows what was heard of the story.
        await stream.type("tell me a story")
        await stream.until("output_audio_buffer.started")
        speaking = asyncio.create_task(interrupt(stream, 1.7))
        cut = await stream.until("conversation.item.truncated")
        await stream.until("output_audio_buffer.stopped")
        await speaking
        heard = await item(stream, cut["item_id"])
        whole = "".join(STORY).strip()
        assert whole.startswith(heard)
        assert STORY[0].strip() in heard
        assert "number six" not in heard
        told = scripted.told()
        assert told[-3:] == [("user", "tell me a story"), ("assistant", heard), ("user", "hello world")]

        assert await answered(stream, "finish half a thought") == f"I wanted to say. {SORRY}"
        assert await answered(stream, "say nothing") == SORRY

        assert await answered(stream, "get rid of what i wrote") == "Delete this note: buy eggs? Yes or no?"
        assert await answered(stream, "yes") == "Deleted."

        await stream.type("i am off to bed")
        code, _ = await stream.closed()
        assert code == 1000
        kinds = [event["task"]["type"] for event in of_kind(stream, "task.created")]
        assert kinds == ["timer", "timer", "note", "reminder", "delete"]
        assert "error" not in stream.kinds()


async def item(stream: Stream, item_id: str) -> str:
    """What stands in the conversation."""
    await stream.send(type="conversation.item.retrieve", item_id=item_id)
    retrieved = await stream.until("conversation.item.retrieved")
    text: str = retrieved["item"]["content"][0]["transcript"]
    return text


async def test_who_speaks_while_the_model_prepares_a_call_keeps_it_from_being_made(
    server: Server, scripted: ScriptedModel
) -> None:
    scripted.plays(
        rule("eggs", ["Let me see to that. ", call("timer", {"seconds": 300}, wait=1.2)], ["Done."]),
        rule("hello world", ["All right, I leave it."]),
    )
    async with server.stream() as stream:
        await stream.type("the eggs are in the pot")
        await stream.until("output_audio_buffer.started")
        speaking = asyncio.create_task(interrupt(stream, 0.0))
        await stream.until("conversation.item.truncated")
        await stream.until("output_audio_buffer.stopped")
        await speaking
        await asyncio.sleep(1.0)
        assert said(stream).endswith("All right, I leave it.")
        assert of_kind(stream, "task.created") == []
        assert [role for role, _ in scripted.told()] == ["user", "assistant", "user"]


async def test_what_was_called_before_somebody_spoke_goes_on(server: Server, scripted: ScriptedModel) -> None:
    scripted.plays(rule("eggs", [call("timer", {"seconds": 300})], LONG), rule("hello world", ["Yes?"]))
    async with server.stream() as stream:
        await stream.type("the eggs are in the pot")
        await stream.until("output_audio_buffer.started")
        speaking = asyncio.create_task(interrupt(stream, 1.5))
        await stream.until("conversation.item.truncated")
        await stream.until("output_audio_buffer.stopped")
        await speaking
        assert [event["task"]["type"] for event in of_kind(stream, "task.created")] == ["timer"]
        roles = [role for role, _ in scripted.told()]
        assert roles == ["user", "assistant", "tool", "assistant", "user"]
        assert scripted.told()[3][1].startswith("The timer is set for five minutes. This")
        assert "number six" not in scripted.told()[3][1]


async def test_instructions_are_of_the_session(server: Server, scripted: ScriptedModel) -> None:
    scripted.plays(rule("who are you", ["Arr."]))
    async with server.stream() as stream:
        await stream.send(type="session.update", session={"type": "realtime", "instructions": "You are a pirate."})
        await stream.until("session.updated")
        assert await answered(stream, "who are you") == "Arr."
        assert "You are a pirate." in scripted.requests()[0]["messages"][0]["content"]
    async with server.stream() as stream:
        assert await answered(stream, "who are you") == "Arr."
        assert "pirate" not in scripted.requests()[-1]["messages"][0]["content"]


async def test_a_failure_is_counted_and_the_session_goes_on(server: Server, scripted: ScriptedModel) -> None:
    scripted.plays(rule("first", [{"status": 500}]), rule("second", ["Here."]))
    async with server.stream() as stream:
        assert await answered(stream, "the first one") == SORRY
        assert await answered(stream, "the second one") == "Here."
    metrics = (await server.http.get("/metrics")).text
    assert 'sottovoce_model_failures_total{code="engine_unavailable"} 1.0' in metrics


async def test_the_end_of_a_session_ends_the_model_and_forgets(server: Server, scripted: ScriptedModel) -> None:
    endless = {"text": "And on. ", "wait": 0.05, "repeat": 10_000}
    scripted.plays(rule("eggs", [call("timer", {"seconds": 300})], [endless]))
    async with server.stream() as stream:
        await stream.type("the eggs are in the pot")
        await stream.until("output_audio_buffer.started")
        session_id = stream.events[0]["session"]["id"]
        runner = server.hub.find(session_id).runner
        assert runner is not None
        talk = runner._talk
        assert talk.memory.calls
        await server.http.delete(f"/api/v1/sessions/{session_id}")
        await stream.closed()
    assert await scripted.silent()
    assert talk.memory.calls == {}
    assert talk.history == ()
