"""Opens a session's stream. Its ticket goes in a header, not in the address, and what goes over it into no log."""

import logging
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from sottovoce.wire import subprotocol

OPEN_TIMEOUT_S = 20.0
_TICKET: Final = "ticket"
# At level debug the library logs headers and messages: to a logger of ours, which never lets that through.
_LOGGER: Final = logging.getLogger(__name__)
_LOGGER.setLevel(logging.INFO)


async def open_stream(websocket_url: str, *, direct: bool) -> ClientConnection:
    """Connect to a `websocket_url`; `direct`: without a proxy of the environment.

    Raises what the library raises (OSError, TimeoutError, InvalidHandshake, InvalidURI), whose text may hold the
    address.
    """
    address, ticket = without_ticket(websocket_url)
    return await connect(
        address,
        subprotocols=None if ticket is None else [Subprotocol(each) for each in subprotocol.offer(ticket)],
        open_timeout=OPEN_TIMEOUT_S,
        compression=None,
        max_queue=None,  # the caller may send for a while before it reads; answers come at the pace of speech
        proxy=None if direct else True,
        logger=_LOGGER,
    )


def without_ticket(websocket_url: str) -> tuple[str, str | None]:
    """The address, and the ticket that stood in its query."""
    parts = urlsplit(websocket_url)
    query = parse_qsl(parts.query)
    kept = [(name, value) for name, value in query if name != _TICKET]
    return urlunsplit(parts._replace(query=urlencode(kept))), dict(query).get(_TICKET)
