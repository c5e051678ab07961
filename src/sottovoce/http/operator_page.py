"""`/operator` and `/operator/data`: what the server does, for those who run it. All of it is behind one door."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from sottovoce.http.doors import Door
from sottovoce.http.pages import FILES_PATH, OPERATOR_FILES, WEB, WithHeaders, policy
from sottovoce.live.hub import Hub
from sottovoce.live.overview import Watch

PATH = "/operator"


class Behind:
    """ASGI application: another one, behind a door."""

    def __init__(self, door: Door, app: ASGIApp) -> None:
        self._door = door
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it. Raises what the door raises."""
        self._door.check(Request(scope))
        await self._app(scope, receive, send)


def install(app: Starlette, hub: Hub, door: Door) -> None:
    """The page, its files and its data."""
    headers = policy(None) | {"Cache-Control": "no-store"}
    watch = Watch(hub)

    async def page(request: Request) -> Response:
        door.check(request)
        return FileResponse(WEB / "operator" / "index.html", headers=headers)

    async def data(request: Request) -> Response:
        door.check(request)
        return Response(watch.json(), media_type="application/json", headers=headers)

    app.add_route(PATH, page, methods=["GET"], include_in_schema=False)
    app.add_route(f"{PATH}/data", data, methods=["GET"], include_in_schema=False)
    for folder in OPERATOR_FILES:
        files = Behind(door, StaticFiles(directory=WEB / folder))
        app.mount(f"{FILES_PATH}/{folder}", WithHeaders(files, headers))
