"""What goes wrong with an OpenAI-compatible server, in words an operator can act on.

What the server itself says of it goes nowhere: it may repeat what was sent.
"""

from typing import Final

import httpx2
from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAIError

from sottovoce.errors import EngineFault, EngineUnavailable
from sottovoce.speech.openai_url import Server

UNAUTHORISED: Final = 401
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
TOO_MANY: Final = 429
SERVER_FAULT: Final = 500
OF_THE_KEY: Final = frozenset({UNAUTHORISED, FORBIDDEN})
MOST_RETRY_AFTER_S: Final = 3_600
_MOST_DIGITS = 9
_PATH = "most servers want /v1 at the address's end"


class EndlessError(Exception):
    """The answer is longer than any answer to that can be."""


class NonsenseError(Exception):
    """The answer is none of OpenAI's API."""


TROUBLE: Final = (OpenAIError, httpx2.HTTPError, TimeoutError, ValueError, RecursionError, EndlessError, NonsenseError)
"""All that a request may raise. ValueError, RecursionError: what should be JSON or UTF-8 is none, or is nested a
thousandfold."""


def fault_of(error: Exception, server: Server) -> EngineFault:
    """One of TROUBLE, said with the server's address and without a word of its answer."""
    at = server.base_url
    if isinstance(error, APIStatusError):
        return _refusal(error, server)
    if isinstance(error, TimeoutError | APITimeoutError | httpx2.TimeoutException):
        return EngineUnavailable(f"{at} did not answer within {server.timeout_s:g} s")
    if isinstance(error.__cause__ if isinstance(error, APIConnectionError) else error, httpx2.ConnectError):
        return EngineUnavailable(f"Nothing answers at {at}: start the server, or mend the address in the engine's URL")
    if isinstance(error, APIConnectionError | httpx2.HTTPError):
        words = "broke off"
    elif isinstance(error, OpenAIError):
        words = "reports a fault in the middle of its answer"
    elif isinstance(error, EndlessError):
        words = "answers without an end"
    else:
        words = f"does not answer as OpenAI's API does: {_PATH}"
    return EngineFault(f"{at} {words}")


def is_of_the_server(error: Exception, *, chosen: bool) -> bool:
    """Whether it says something about the server, and not about one request. `chosen`: part of the request was a
    client's choice, so that the server may well have nothing of the kind."""
    if isinstance(error, APIStatusError):
        status = error.status_code
        return status >= SERVER_FAULT or status in OF_THE_KEY or (status == NOT_FOUND and not chosen)
    # What is left of the library's own errors is a fault that the server reports of one request.
    return isinstance(error, APIConnectionError) or not isinstance(error, OpenAIError)


def _refusal(error: APIStatusError, server: Server) -> EngineFault:
    at, place, status = server.base_url, server.key_place, error.status_code
    if status == UNAUTHORISED and server.key is None:
        text = f"{at} wants a key: name {place} in the engine's URL"
    elif status == UNAUTHORISED:
        text = f"{at} refuses the key from {place}"
    elif status == FORBIDDEN:
        text = f"{at} does not allow this (403); its key comes from {place}"
    elif status == NOT_FOUND:
        text = f"{at} has no such model or voice, or nothing at this address (404): {_PATH}"
    elif status == TOO_MANY:
        text = f"{at} takes no more requests now (429): their rate or their number is limited"
    elif status >= SERVER_FAULT:
        text = f"{at} fails ({status})"
    else:
        text = f"{at} refuses the request ({status}): does the model take this format, language and voice?"
    passes = status in OF_THE_KEY or status == TOO_MANY or status >= SERVER_FAULT
    kind = EngineUnavailable if passes else EngineFault
    return kind(text, retry_after_s=_retry_after_s(error.response))


def _retry_after_s(response: httpx2.Response) -> int | None:
    text = response.headers.get("retry-after", "")
    well = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return min(int(text), MOST_RETRY_AFTER_S) if well else None
