"""Real servers for the store: started once, emptied for each test."""

from collections.abc import Generator

import pytest

from tests.peers import valkey as peers


@pytest.fixture(scope="session")
def valkey_server() -> Generator[peers.Server, None, None]:
    with peers.valkey() as server:
        yield server


@pytest.fixture(scope="session")
def cluster_server() -> Generator[peers.Server, None, None]:
    with peers.cluster() as server:
        yield server


@pytest.fixture(scope="session")
def sentinel_server(valkey_server: peers.Server) -> Generator[peers.Server, None, None]:
    with peers.sentinel(valkey_server) as server:
        yield server


@pytest.fixture
def valkey(valkey_server: peers.Server) -> peers.Server:
    """Empty."""
    valkey_server.ask("FLUSHALL")
    return valkey_server


@pytest.fixture
def valkey_url(valkey: peers.Server) -> str:
    return valkey.url


@pytest.fixture
def sentinel_url(valkey_server: peers.Server, sentinel_server: peers.Server) -> str:
    valkey_server.ask("FLUSHALL")
    return f"valkey+sentinel://127.0.0.1:{sentinel_server.port}/voice/0"


@pytest.fixture
def cluster_url(cluster_server: peers.Server) -> str:
    cluster_server.ask("FLUSHALL")
    return f"valkey+cluster://127.0.0.1:{cluster_server.port}"
