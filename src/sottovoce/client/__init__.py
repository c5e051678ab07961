"""The Python client of the voice sessions; see `voice` for the shape, `talk` for a whole conversation."""

from sottovoce.client.calls import SessionCalls, SessionInfo
from sottovoce.client.errors import (
    CredentialUnusable,
    MicrophoneUnavailable,
    ServerUnreachable,
    SoundUnreadable,
    StreamClosed,
)
from sottovoce.client.events import Event, Sound, UnknownEvent
from sottovoce.client.voice import VoiceClient, VoiceSession
from sottovoce.wire import client_events, server_events
from sottovoce.wire.views import ItemSaid, TaskView

__all__ = [
    "CredentialUnusable",
    "Event",
    "ItemSaid",
    "MicrophoneUnavailable",
    "ServerUnreachable",
    "SessionCalls",
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
