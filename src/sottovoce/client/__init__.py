"""The Python client of the voice sessions; see `voice` for the shape, `talk` for a whole conversation."""

from sottovoce.client.errors import (
    CredentialUnusable,
    MicrophoneUnavailable,
    ServerUnreachable,
    SoundUnreadable,
    StreamClosed,
)
from sottovoce.client.events import Event, Sound, UnknownEvent
from sottovoce.client.voice import SessionInfo, VoiceClient, VoiceSession
from sottovoce.wire import client_events, server_events
from sottovoce.wire.views import TaskView

__all__ = [
    "CredentialUnusable",
    "Event",
    "MicrophoneUnavailable",
    "ServerUnreachable",
    "SessionInfo",
    "Sound",
    "SoundUnreadable",
    "StreamClosed",
    "TaskView",
    "UnknownEvent",
    "VoiceClient",
    "VoiceSession",
    "client_events",
    "server_events",
]
