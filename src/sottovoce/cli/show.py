"""How a conversation is shown: as a transcript for people, or as the server's events for programs."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from sottovoce.client import Event, Sound, TaskView
from sottovoce.client import server_events as se

NAME_WIDTH = 10
EXPECTED_ENDS = frozenset({"client_closed", "said_goodbye"})


class Events:
    """`--json`: every event as the server wrote it, one a line; no sound."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, raw: str | bytes, _message: Event | Sound) -> None:
        """A message of the server's."""
        if isinstance(raw, str):
            sys.stdout.write(raw + "\n")
            sys.stdout.flush()


class Transcript:
    """Who said what, and what became of it. On a terminal, words appear while they are spoken."""

    def __init__(self, console: Console | None = None) -> None:
        self._partial: dict[str, str] = {}
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._live = Live(console=self._console, transient=True, auto_refresh=False, get_renderable=self._partial_line)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._partial.clear()
        if self._console.is_terminal:
            self._live.stop()

    def show(self, _raw: str | bytes, message: Event | Sound) -> None:
        """A message of the server's."""
        match message:
            case se.InputAudioTranscriptionDelta():
                self._partial[message.item_id] = self._partial.get(message.item_id, "") + message.delta
            case se.InputAudioTranscriptionCompleted():
                self._partial.pop(message.item_id, None)
                self._line("you", message.transcript or "(not understood)", "cyan")
            case se.InputAudioTranscriptionFailed():
                self._partial.pop(message.item_id, None)
                self._line("you", f"(not heard: {message.error.get('message')})", "red")
            case se.TaskCreated(task=task) | se.TaskUpdated(task=task) | se.TaskFailed(task=task):
                self._task(task)
            case se.TaskCompleted():
                self._task(message.task, message.result)
            case _:
                self._show_answer(message)
        if self._console.is_terminal and not isinstance(message, Sound):
            self._live.refresh()

    def _show_answer(self, message: Event | Sound) -> None:
        match message:
            case se.ConversationItemAdded(item=se.ItemView(role="user", content=[{"text": str(text)}])):
                self._line("you", text, "cyan")
            case se.ResponseOutputAudioTranscriptDelta() | se.ResponseOutputTextDelta():
                self._line("sottovoce", message.delta.strip(), "green")
            case se.ResponseDone(response=se.ResponseView(status="cancelled")):
                self._line("sottovoce", "(interrupted)", "dim")
            case se.ResponseDone(response=se.ResponseView(status="failed", status_details=details)):
                self._line("sottovoce", f"(no answer: {_why(details)})", "red")
            case se.SessionExpiring():
                self._line("session", f"ends in {message.seconds_left} s ({message.reason})", "yellow")
            case se.SessionEnded() if message.reason not in EXPECTED_ENDS:
                self._line("session", f"ended ({message.reason})", "yellow")
            case se.Error():
                self._line("error", str(message.error.get("message")), "red")

    def _task(self, task: TaskView, result: object = None) -> None:
        told = [task["type"], task["state"]]
        told += [f"{name} {value}" for name, value in task["arguments"].items()]
        told += [text for text in (task["question"], task["error_message"]) if text]
        if isinstance(result, str):
            told.append(result)
        self._line("task", " · ".join(told), "magenta")

    def _partial_line(self) -> Text:
        return Text("\n").join(_line("you", text + " …", "dim cyan") for text in self._partial.values())

    def _line(self, who: str, what: str, style: str) -> None:
        self._console.print(_line(who, what, style))


def _line(who: str, what: str, style: str) -> Text:
    return Text.assemble((f"{who:<{NAME_WIDTH}}", f"bold {style}"), " ", what)


def _why(details: dict[str, object] | None) -> object:
    error = (details or {}).get("error")
    return error.get("message", "unknown") if isinstance(error, dict) else "unknown"
