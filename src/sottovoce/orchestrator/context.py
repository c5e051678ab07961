"""What a language model is given to go by: instructions, the conversation as it was heard, the tasks, what is asked.
Made anew for every answer, so that nothing of it is kept twice; bounded by tokens."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from sottovoce.core.events import Item, Role
from sottovoce.core.limits import MAX_ITEMS
from sottovoce.core.task import Task, TaskState
from sottovoce.orchestrator.base import Made, Memory, Message, Prompt, Tool
from sottovoce.orchestrator.skills import Turn

BYTES_A_TOKEN: Final = 3
"""UTF-8, rather too few: English has four, German three and a half, Chinese three (one character)."""
TOKENS_A_MESSAGE: Final = 6
ROOM_FOR_ANSWER: Final = 0.2
"""The part of the model's context that stays free for what it writes."""
TASKS_TOLD: Final = 20
RESULT_CHARACTERS: Final = 1_500
"""Of a task's result, and of what a tool answers."""

HOW_TO_SPEAK: Final = """\
You are the voice of an assistant. What you write is spoken aloud, in the language with the code "{language}" unless \
the user wants another one. Answer in one to three short sentences, without lists, markdown, emoji, code or links. You \
hear through a recogniser that makes mistakes: take the likely meaning, and ask if there is none.
Call a tool when the user wants what it does; never say that something is done without calling it. What a tool says to \
the user has been spoken already: do not repeat it, and add nothing unless there is more to do or to say. A task that \
is under way is announced to the user when it is done; until then the talk goes on.
What stands in <now> comes from the server. It is not from the user, and is never read out."""

BEFORE: Final = Message(role="user", text="(What was said before is left out.)")
"""The templates of some models want the user to begin."""


class Context(msgspec.Struct, frozen=True):
    """What the model gets, and how full it is."""

    messages: list[Message]
    items: list[Item]
    """Those of the conversation before what is asked now that may go in, oldest first, also where they did not fit."""
    tokens: int
    """Of those items."""
    room: int
    """Tokens that there are for them."""


def tokens(text: str) -> int:
    """An estimate, rather too high."""
    return len(text.encode("utf-8", "replace")) // BYTES_A_TOKEN + 1


def build(
    prompt: Prompt,
    turn: Turn,
    tools: Sequence[Tool],
    tasks: Sequence[Task],
    most_tokens: int,
) -> Context:
    """The context for one answer; the oldest of the conversation is left out where not all fits."""
    talk = turn.talk
    refresh(talk.memory, talk.history)
    history = [item for item in talk.history if item.text]
    system = _system(turn, [item for item in history if item.role is Role.SYSTEM])
    asked = Message(role="user", text=_asked(prompt, turn, tasks))
    calls = talk.memory.calls.get(prompt.item_id or "", [])
    taken = _tokens([system, asked, *_made(calls)]) + tokens(msgspec.json.encode(list(tools)).decode())
    room = max(0, int(most_tokens * (1 - ROOM_FOR_ANSWER)) - taken)
    items = _before(history, prompt.item_id, talk.memory)
    each = {item.id: _told(item, talk.memory) for item in items}
    kept: list[list[Message]] = []
    left = room
    for item in reversed(items):
        left -= _tokens(each[item.id])
        if left < 0:
            break
        kept.insert(0, each[item.id])
    said = [message for messages in kept for message in messages]
    if said and said[0].role != "user":
        said.insert(0, BEFORE)
    in_items = sum(_tokens(messages) for messages in each.values())
    return Context([system, *_joined([*said, asked])], items, in_items, room)


def refresh(memory: Memory, history: Sequence[Item]) -> None:
    """Forget with the conversation: what a client has deleted is not to live on in a summary, nor in calls."""
    there = {item.id for item in history}
    if not memory.summarised <= there and len(history) < MAX_ITEMS:
        # None of them is gone by itself: the oldest go only where there are so many.
        memory.summary = ""
    memory.summarised &= there
    for item_id in [item_id for item_id in memory.calls if item_id not in there]:
        del memory.calls[item_id]


def oldest(context: Context, memory: Memory, share: float) -> list[Item]:
    """The oldest items, so many that the others fill no more than that share of the room."""
    left, out = context.tokens, []
    for item in context.items:
        if left <= context.room * share:
            break
        left -= _tokens(_told(item, memory))
        out.append(item)
    return out


def short(value: Any) -> str:
    """JSON of bounded length."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= RESULT_CHARACTERS else text[:RESULT_CHARACTERS] + "…"


def _system(turn: Turn, notes: Sequence[Item]) -> Message:
    talk = turn.talk
    parts = [HOW_TO_SPEAK.format(language=talk.language), talk.instructions, *(item.text or "" for item in notes)]
    if talk.memory.summary:
        parts.append(f"What was said before, in short:\n{talk.memory.summary}")
    return Message(role="system", text=_whole("\n\n".join(part for part in parts if part)))


def _asked(prompt: Prompt, turn: Turn, tasks: Sequence[Task]) -> str:
    """What is asked now. What changes all the time stands here and not in front, so that a model's server need not read
    all the rest anew for it."""
    now = [f"{turn.now:%A}, {turn.now.isoformat(timespec='minutes')}"]
    now += [_task(task) for task in tasks[-TASKS_TOLD:]]
    text = prompt.text if prompt.text.strip() else "(The user has said nothing: begin, or go on.)"
    return _whole("<now>\n" + "\n".join(now) + f"\n</now>\n{text}")


def _task(task: Task) -> str:
    told = [f"Task {task.type} {short(task.arguments)}: {task.state}"]
    if task.state is TaskState.INPUT_REQUIRED:
        told.append(f"waits for the user's answer to: {task.question}")
    if task.result_available:
        told.append(f"result {short(task.result)}")
    return ", ".join(told)


def _before(history: Sequence[Item], item_id: str | None, memory: Memory) -> list[Item]:
    """What was said, but for what is asked now and what the user has said since: that is answered next."""
    asked_at = next((at for at, item in enumerate(history) if item.id == item_id), len(history))
    return [
        item
        for at, item in enumerate(history)
        if item.role is not Role.SYSTEM
        and item.id not in memory.summarised
        and at != asked_at
        and not (at > asked_at and item.role is Role.USER)
    ]


def _told(item: Item, memory: Memory) -> list[Message]:
    said = Message(role="assistant" if item.role is Role.ASSISTANT else "user", text=_whole(item.text or ""))
    return [said, *_made(memory.calls.get(item.id, []))]


def _made(calls: Sequence[Made]) -> list[Message]:
    if not calls:
        return []
    results = (Message(role="tool", text=made.result, call_id=made.call.id) for made in calls)
    return [Message(role="assistant", calls=tuple(made.call for made in calls)), *results]


def _joined(messages: Sequence[Message]) -> list[Message]:
    """Neighbours of one role as one: the templates of some models want user and assistant to take turns."""
    out: list[Message] = []
    for message in messages:
        last = out[-1] if out else None
        plain = last is not None and not (last.calls or message.calls or message.role == "tool")
        if last is not None and plain and last.role == message.role:
            out[-1] = Message(role=last.role, text=f"{last.text}\n{message.text}")
        else:
            out.append(message)
    return out


def _tokens(messages: Sequence[Message]) -> int:
    return sum(
        TOKENS_A_MESSAGE + tokens(message.text) + sum(tokens(call.name + call.arguments) for call in message.calls)
        for message in messages
    )


def _whole(text: str) -> str:
    """Without halves of characters, which no JSON can carry."""
    return text.encode("utf-8", "replace").decode()
