"""Errors as `application/problem+json` (RFC 9457), with `code`, a stable word."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from sottovoce.errors import SottovoceError

MEDIA_TYPE = "application/problem+json"
_CODES = {404: "not_found", 405: "method_not_allowed", 400: "bad_request"}


def problem(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """The answer that says what went wrong."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, "code": code}
    return Response(
        msgspec.json.encode(body | members),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


async def _ours(_request: Request, error: Exception) -> Response:
    assert isinstance(error, SottovoceError)  # noqa: S101 - registered for nothing else
    return answer(error)


def answer(error: SottovoceError) -> Response:
    """The answer to one of our own errors."""
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if error.challenge is not None:
        headers["WWW-Authenticate"] = error.challenge
    return problem(error.status, error.code, error.message, headers=headers)


async def _invalid(_request: Request, error: Exception) -> Response:
    """422, naming each field; never the value that was sent."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    errors = [{"field": _field(each["loc"]), "message": each["msg"]} for each in error.errors()]
    detail = "; ".join(f"{each['field']}: {each['message']}" for each in errors)
    return problem(422, "invalid_request", detail, errors=errors)


def _field(location: Sequence[str | int]) -> str:
    """Of ("body", "seconds"): "seconds". The body itself where no field of it is meant, but a place in its text."""
    place, *path = location
    return ".".join(str(part) for part in path) if path and isinstance(path[0], str) else str(place)


async def _framework(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    code = _CODES.get(error.status_code, "http_error")
    return problem(error.status_code, code, str(error.detail), headers=error.headers)


async def _unforeseen(_request: Request, _error: Exception) -> Response:
    return problem(500, "internal_error", SottovoceError.detail)


def install(app: FastAPI) -> None:
    """Answer every error as a problem."""
    app.add_exception_handler(SottovoceError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(Exception, _unforeseen)
