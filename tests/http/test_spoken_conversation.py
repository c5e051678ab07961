"""A conversation of ten turns with tools: spoken by a synthesiser, heard by the default recogniser, thought by a
scripted model, and answered aloud."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bench.voices import speak_all
from tests.http.conftest import Serve, Server, Stream
from tests.http.test_model import SORRY, STORY, item, of_kind, said
from tests.http.test_stream import speak
from tests.peers.scripts import ScriptedModel, call, rule

VOICE = "en-us"
SENTENCES = (
    "good morning to you my friend",
    "set a timer for ten minutes",
    "the eggs are boiling in the pot",
    "we have no milk and no bread in the house",
    "my grandmother told wonderful stories",
    "what a beautiful story it was",
    "winter is very long in the mountains",
    "i wonder why the sky is blue",
    "the old paper on the desk is of no use",
    "yes",
    "the soup should be very hot by now",
    "the garden looks lovely in the rain",
)


@pytest.fixture
async def spoken() -> dict[str, bytes]:
    made = await speak_all((sentence, VOICE) for sentence in SENTENCES)
    return {text: sound for (text, _), sound in made.items()}


@pytest.fixture
async def stream(serve: Serve, scripted: ScriptedModel) -> AsyncIterator[Stream]:
    server: Server = await serve(
        recogniser="pocketsphinx:", synthesiser="espeak:", model=f"{scripted.url}&timeout=2", engine_workers=1
    )
    async with server.stream() as stream:
        yield stream


async def answered(stream: Stream, sound: bytes) -> str:
    """Say it; what is answered, once all of it was played."""
    at, heard = len(stream.events), len(stream.sound)
    await speak(stream, sound, pace=1.0)
    await stream.until("output_audio_buffer.stopped", timeout_s=40)
    assert len(stream.sound) - heard > 2 * 8_000, "the answer is heard"
    return said(stream, at)


@pytest.mark.timeout(300)  # the conversation itself takes more than a minute
async def test_ten_turns_are_spoken_and_heard(
    stream: Stream, scripted: ScriptedModel, spoken: dict[str, bytes]
) -> None:
    words = [spoken[sentence] for sentence in SENTENCES]

    scripted.plays(rule("", ["Good morning. ", "What can I do?"]))
    assert await answered(stream, words[0]) == "Good morning. What can I do?"
    assert await answered(stream, words[1]) == "The timer is set for ten minutes."
    assert len(scripted.requests()) == 1, "a command costs no model"

    scripted.plays(rule("", ["Sure. ", call("timer", {"seconds": 300})], ["Anything else?"]))
    assert await answered(stream, words[2]) == "Sure. The timer is set for five minutes. Anything else?"
    scripted.plays(rule("", [call("note", {"text": "buy milk"}), call("reminder", {"text": "call mum"})], []))
    assert await answered(stream, words[3]) == "Noted: buy milk. I'll keep that for you: call mum."

    # Somebody speaks in the middle of a sentence.
    scripted.plays(rule("", [{"text": part, "wait": 0.05} for part in STORY]))
    await speak(stream, words[4], pace=1.0)
    await stream.until("output_audio_buffer.started")
    await asyncio.sleep(3)
    scripted.plays(rule("", ["All right."]))
    speaking = asyncio.create_task(speak(stream, words[5], pace=1.0))
    cut = await stream.until("conversation.item.truncated")
    await stream.until("output_audio_buffer.stopped")
    await speaking
    heard = await item(stream, cut["item_id"])
    assert STORY[0].strip() in heard
    assert "number six" not in heard
    assert ("assistant", heard) in scripted.told()

    scripted.plays(rule("", ["I wanted to say. But th", {"cut": True}]))
    assert await answered(stream, words[6]) == f"I wanted to say. {SORRY}"
    scripted.plays(rule("", [{"wait": 60, "text": "Never."}]))
    assert await answered(stream, words[7]) == SORRY
    scripted.plays(rule("", [call("delete", {"kind": "note"})], ["Never said."]))
    assert await answered(stream, words[8]) == "Delete this note: buy milk? Yes or no?"
    assert await answered(stream, words[9]) == "Deleted."

    # Somebody speaks while a call is being prepared: it is not made.
    scripted.plays(rule("", ["Let me see to that at once. ", call("timer", {"seconds": 60}, wait=4)], ["Done."]))
    await speak(stream, words[10], pace=1.0)
    await stream.until("output_audio_buffer.started")
    scripted.plays(rule("", ["I leave it."]))
    speaking = asyncio.create_task(speak(stream, words[11], pace=1.0))
    await stream.until("conversation.item.truncated")
    await stream.until("output_audio_buffer.stopped", timeout_s=40)
    await speaking
    assert said(stream).endswith("I leave it.")

    assert [event["task"]["type"] for event in of_kind(stream, "task.created")] == [
        "timer",
        "timer",
        "note",
        "reminder",
        "delete",
    ]
    assert "error" not in stream.kinds()
