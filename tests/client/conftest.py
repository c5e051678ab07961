import secrets
from collections.abc import AsyncGenerator

import pytest

from sottovoce.client import VoiceClient, VoiceSession
from tests.servers import free_port, instant_server

__all__ = ["free_port", "instant_server"]

KEY_HASH = "sha256:" + "c" * 64


@pytest.fixture
async def client(instant_server: str) -> AsyncGenerator[VoiceClient, None]:
    async with VoiceClient(instant_server, namespace_id=f"test-{secrets.token_hex(4)}", key_hash=KEY_HASH) as client:
        yield client


@pytest.fixture
async def session(client: VoiceClient) -> AsyncGenerator[VoiceSession, None]:
    async with client.session() as session:
        yield session
