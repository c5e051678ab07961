"""The talk page and the operator page: files as they lie in `web/`, under a policy that lets in nothing else."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WEB = Path(__file__).parent.parent / "web"
FILES_PATH = "/web"
"""Where the pages' scripts, styles and pictures are."""
OPERATOR_FILES = ("operator", "vendor")
"""Folders of `web/` that only the operator page needs."""


def policy(websocket_base: str | None) -> dict[str, str]:
    """Headers of every page and of every file that belongs to one.

    `websocket_base`: where streams are, if that is elsewhere than the page.
    """
    connect = "'self'" if websocket_base is None else f"'self' {_origin(websocket_base)}"
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {connect}; "
            "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        ),
        "Permissions-Policy": (
            "microphone=(self), speaker-selection=(self), camera=(), geolocation=(), display-capture=(), payment=(), "
            "usb=(), serial=(), midi=()"
        ),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class WithHeaders:
    """ASGI middleware: every answer carries these headers."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self._app(scope, receive, with_headers)


def page(name: str, headers: dict[str, str]) -> Callable[[Request], Awaitable[Response]]:
    """What answers with one page of `web/`."""

    async def show(_request: Request) -> Response:
        return FileResponse(WEB / name, headers=headers)

    return show


class PublicFiles(StaticFiles):
    """What everybody gets: all of `web/` but the operator page."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """As the library has it."""
        if Path(path).parts[:1] in {(folder,) for folder in OPERATOR_FILES}:
            raise HTTPException(404)
        return await super().get_response(path, scope)


def install(app: Starlette, websocket_base: str | None) -> None:
    """`/` is the talk page; its files are under FILES_PATH."""
    headers = policy(websocket_base)
    files = PublicFiles(directory=WEB, follow_symlink=True)  # the JavaScript client lies where npm packs it
    app.add_route("/", page("index.html", headers), methods=["GET"], include_in_schema=False)
    app.mount(FILES_PATH, WithHeaders(files, headers))
