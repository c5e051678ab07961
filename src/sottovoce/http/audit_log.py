"""The audit log: who did what to which pseudonym, when, and how it ended; never a word, a full id or a name of a
namespace. Its lines come whatever `log_level` is."""

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sottovoce import logs
from sottovoce.http.access import NAMESPACE
from sottovoce.http.callers import CALLER, GUARDED, is_guarded
from sottovoce.vault.callers import Caller
from sottovoce.vault.pseudonyms import Pseudonyms

METHODS = frozenset({"DELETE", "GET", "POST"})


class AuditLog:
    """ASGI middleware; `clock()`: seconds of a steady clock."""

    def __init__(self, app: ASGIApp, clock: Callable[[], float]) -> None:
        self._app = app
        self._clock = clock
        self._pseudonyms = Pseudonyms()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if not is_guarded(scope):
            await self._app(scope, receive, send)
            return
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._write(scope, status)

    def _write(self, scope: Scope, status: int) -> None:
        method, route, namespace = scope["method"], scope.get("route"), scope.get(NAMESPACE)
        path = "unknown" if route is None else GUARDED + route.path.removeprefix("/")
        logs.audit(
            action=f"{method if method in METHODS else 'OTHER'} {path}",
            caller=self._caller(scope.get(CALLER)),
            subject=None if namespace is None else self._pseudonyms.of(f"namespace {namespace}", self._clock()),
            status=status,
        )

    def _caller(self, caller: Caller | None) -> str | None:
        if caller is None or not caller.personal:
            return None if caller is None else caller.name
        return self._pseudonyms.of(f"caller {caller.name}", self._clock())
