"""The sessions of this node: created, connected, looked after, ended."""

import asyncio
import contextlib
import itertools
import uuid

import msgspec
import structlog

from sottovoce.core import notices as no
from sottovoce.core.limits import Admission
from sottovoce.core.session import Effect, Ended, Expiring, Forgotten, Session, SessionLimits, Signal, Status
from sottovoce.errors import (
    InvalidKeyHash,
    InvalidPublicKeys,
    NodeFull,
    NodeOverloaded,
    SessionNotFound,
    SottovoceError,
    TooManySessions,
)
from sottovoce.live.asked import NewSession, StreamAsked, StreamRefused
from sottovoce.live.connection import (
    ENDED,
    GOING_AWAY,
    NO_SUCH_SESSION,
    SERVER_FAULT,
    SILENT_TOO_LONG,
    TAKEN_OVER,
    TICKET_REFUSED,
    Close,
    Connection,
)
from sottovoce.live.deadlines import Deadlines
from sottovoce.live.desk import DEFAULT_LANGUAGE, Desk
from sottovoce.live.keyring import Keyring
from sottovoce.live.node import Node
from sottovoce.live.pulse import Pulse
from sottovoce.live.runner import Runner
from sottovoce.live.session import LiveSession
from sottovoce.live.talk import LiveTalk
from sottovoce.live.wash import Wash
from sottovoce.logs import place, short
from sottovoce.orchestrator.base import TaskUpdate
from sottovoce.store.base import Place, SessionRecord, Store
from sottovoce.tasks.base import TaskEngine, TaskStore
from sottovoce.vault import tickets
from sottovoce.vault.keys import PublicKeys
from sottovoce.vault.lockdown import Part
from sottovoce.vault.namespaces import fingerprint

RETRY_AFTER_S = 5
STREAMS_CLOSE_S = 3.0
LOOKED_AT = 10_000
"""Ended sessions stay for a while: among very many of them, the live ones are not sought for ever."""

log = structlog.get_logger()

_CLOSES = {
    Signal.SERVER_STOPPING: GOING_AWAY,
    Signal.IDLE_TIMEOUT: SILENT_TOO_LONG,
    Signal.FAULT: SERVER_FAULT,
}


class HubLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What this node takes on."""

    sessions_per_namespace: int = 5
    sessions: int = 100_000
    lag_s: float = 0.5


class Hub:
    """Implements what REST and the stream ask for; owns every live session of the process."""

    def __init__(
        self,
        node: Node,
        store: Store,
        tasks: TaskEngine,
        *,
        records: TaskStore,
        keyring: Keyring,
        limits: HubLimits,
        session_limits: SessionLimits,
    ) -> None:
        self.node = node
        self.tasks = tasks
        self.lockdown: tuple[Part, ...] = ()
        """What this process gave up; nothing: it is another's, or has not started."""
        self.store = store
        self._records = records
        self.keyring = keyring
        self.desk = Desk(self.find, records, tasks)
        self._limits = limits
        self._session_limits = session_limits
        self._sessions: dict[str, LiveSession] = {}
        self._live = 0
        self._deadlines = Deadlines()
        self._pulse = Pulse(node.detector.tick, self._look_at_deadlines, node.measured)
        self._wash = Wash()
        self._closing: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._streams = 0
        self._no_streams = asyncio.Event()
        self._no_streams.set()

    # -- its own life ------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the engines and the pulse. Raises EngineUnavailable."""
        await self.node.start()
        await self.tasks.start()
        await self._wash.start()
        self._pulse.start()

    async def stop(self) -> None:
        """End every session, then the engines."""
        await self.drain()
        await self._pulse.stop()
        self._wash.close()
        await self.tasks.close()
        await self.node.close()
        await self.store.close()

    async def drain(self) -> None:
        """Take no more sessions, tell those that live that the server goes, end them, and see their streams close."""
        self._stopping = True
        for live in [each for each in self._sessions.values() if each.session.live]:
            if live.runner is not None:
                live.runner.tell(no.SessionExpiring(0, str(Signal.SERVER_STOPPING)))
            self._end_soon(live, live.receive(Signal.SERVER_STOPPING, self.node.clock.steady()))
        await asyncio.gather(*self._closing, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STREAMS_CLOSE_S):
                await self._no_streams.wait()

    @property
    def live(self) -> int:
        """Sessions that count."""
        return self._live

    @property
    def most(self) -> int:
        """Sessions this node takes; none once it stops."""
        return 0 if self._stopping else self._limits.sessions

    def newest(self, count: int) -> list[LiveSession]:
        """The live sessions created last, newest first; looks at LOOKED_AT sessions at most."""
        last = itertools.islice(reversed(self._sessions.values()), LOOKED_AT)
        return list(itertools.islice((live for live in last if live.session.live), count))

    @property
    def lag_s(self) -> float:
        """How late the event loop runs on average."""
        return self._pulse.lag_s

    # -- what REST asks for ------------------------------------------------------------------------------------------

    async def create(self, new: NewSession) -> tuple[LiveSession, str]:
        """A new session and its ticket's text.

        Raises InvalidKeyHash, InvalidPublicKeys, TooManySessions, NodeFull, NodeOverloaded.
        """
        key_hash = fingerprint(new.key_hash)
        public_keys = await self.shown(new)
        if self._live >= self.most:
            raise self._refused(NodeFull(retry_after_s=RETRY_AFTER_S))
        if self._pulse.lag_s > self._limits.lag_s:
            raise self._refused(NodeOverloaded(retry_after_s=RETRY_AFTER_S))
        now, wall = self.node.clock.steady(), self.node.clock.wall()
        session = Session(self._session_limits, now)
        record = SessionRecord(
            id=str(uuid.uuid4()),
            namespace_id=new.namespace_id,
            key_hash=key_hash,
            device_type=new.device_type,
            client_version=new.client_version,
            public_keys=public_keys,
            created_at=wall,
            expires_at=wall + self._session_limits.ttl_s,
        )
        verdict = await self.store.admit(record, self._limits.sessions_per_namespace)
        if verdict is Admission.KEY_MISMATCH:
            raise self._refused(InvalidKeyHash())
        if verdict is Admission.NAMESPACE_FULL:
            raise self._refused(TooManySessions(self._limits.sessions_per_namespace, retry_after_s=RETRY_AFTER_S))
        text, ticket = tickets.issue(now, self._session_limits.connect_s, new.origin)
        live = LiveSession(record, session, ticket, self.node.census)
        self.keyring.sessions.begin(record.id)
        self._sessions[record.id] = live
        self._live += 1
        self._deadlines.set(record.id, session.next_deadline())
        self.node.metrics.sessions_created.inc()
        self.node.metrics.sessions_live.set(self._live)
        log.debug("session_created", session=short(record.id))
        return live, text

    async def shown(self, new: NewSession) -> PublicKeys | None:
        """The namespace's public keys, if it has any. Raises InvalidKeyHash, InvalidPublicKeys."""
        try:
            return await self.keyring.shown(new, fingerprint(new.key_hash))
        except (InvalidKeyHash, InvalidPublicKeys) as error:
            raise self._refused(error) from None

    def _refused(self, error: SottovoceError) -> SottovoceError:
        self.node.metrics.sessions_refused.labels(error.code).inc()
        return error

    def find(self, session_id: str) -> LiveSession:
        """The session, also if it has just ended. Raises SessionNotFound."""
        live = self._sessions.get(session_id)
        if live is None:
            raise SessionNotFound
        return live

    async def sessions_of(self, namespace_id: str, limit: int, after: Place | None) -> list[LiveSession]:
        """The live sessions of a namespace, newest first."""
        records = await self.store.live_sessions(namespace_id, limit, after)
        return [self._sessions[record.id] for record in records if record.id in self._sessions]

    def resume(self, session_id: str, origin: tickets.Origin | None = None) -> tuple[LiveSession, str]:
        """A fresh ticket for a session whose connection dropped, or is about to be replaced; the last one is void.

        `origin`: of the page that asks. Raises SessionNotFound.
        """
        live = self.find(session_id)
        if not live.session.live:
            raise SessionNotFound
        text, live.ticket = tickets.issue(self.node.clock.steady(), self._session_limits.connect_s, origin)
        return live, text

    async def delete(self, session_id: str) -> None:
        """End the session and forget it; nothing of it is left when this returns. Raises SessionNotFound."""
        live = self.find(session_id)
        if live.session.live:
            await self._end(live, live.receive(Signal.CLIENT_CLOSED, self.node.clock.steady()))
        elif live.ending is not None:
            await asyncio.shield(live.ending)  # it ends for another reason already
        await self._forget(live)

    # -- what the stream asks for ------------------------------------------------------------------------------------

    async def connect(self, asked: StreamAsked, connection: Connection) -> Runner:
        """Open a session's stream; one that is back gets what it missed. Raises StreamRefused."""
        now = self.node.clock.steady()
        live = self._sessions.get(asked.session_id)
        if live is None:
            raise self.stream_refused(NO_SUCH_SESSION)
        kept = live.ticket
        if kept is None or not live.session.live or not tickets.opens(kept, asked.ticket, now, asked.origin):
            raise self.stream_refused(TICKET_REFUSED)
        live.ticket = None
        if live.connection is not None:
            self._take_over(live)
        live.receive(Signal.CONNECTED, now)
        self._deadlines.set(live.id, live.session.next_deadline())
        live.connection = connection
        self.node.metrics.connections_live.inc()
        self._streams += 1
        self._no_streams.clear()
        log.info("session_connected", session=short(live.id))
        first = live.runner is None
        if live.runner is None:
            live.runner = self._runner(live)
            live.runner.attach(connection)
        else:
            live.runner.reattach(connection, asked.last_event)
        runner = live.runner
        await self.store.set_status(live.id, Status.ACTIVE)
        if first:
            await self._tell_tasks(live, runner)
        return runner

    async def _tell_tasks(self, live: LiveSession, runner: Runner) -> None:
        """What REST has started before the stream was there: the client is told, and asked what they ask."""
        for task in await self._records.tasks_of(live.id):
            if live.runner is runner:
                runner.on_task(TaskUpdate(task=task, say=task.question or ""))

    def _take_over(self, live: LiveSession) -> None:
        """The newest connection wins: the one before it is told and closed."""
        assert live.connection is not None and live.runner is not None  # noqa: S101, PT018 - it is connected
        live.connection.close(TAKEN_OVER)
        live.runner.detach()
        live.receive(Signal.DISCONNECTED, self.node.clock.steady())

    def stream_refused(self, close: Close) -> StreamRefused:
        """What to raise when a stream is not to be; it is counted."""
        self.node.metrics.connections_refused.labels(str(close.code)).inc()
        return StreamRefused(close)

    def _runner(self, live: LiveSession) -> Runner:
        def touched() -> None:
            live.session.touch(self.node.clock.steady())

        def goodbye() -> None:
            if live.session.status is Status.ACTIVE:
                self._end_soon(live, live.receive(Signal.SAID_GOODBYE, self.node.clock.steady()))

        def failed() -> None:
            if live.session.status is Status.ACTIVE:
                self._end_soon(live, live.receive(Signal.FAULT, self.node.clock.steady()))

        talk = LiveTalk(live.id, DEFAULT_LANGUAGE, self.tasks.for_session(live.id), live.record.expires_at)
        return Runner(self.node, talk, touched=touched, goodbye=goodbye, failed=failed)

    async def disconnect(self, session_id: str, connection: Connection) -> None:
        """The stream is gone: unless a newer one is there, the session waits for its client for a while."""
        self.node.metrics.connections_live.dec()
        self._streams -= 1
        if not self._streams:
            self._no_streams.set()
        live = self._sessions.get(session_id)
        replaced = live is None or live.connection is not connection
        if live is None or replaced or live.session.status is not Status.ACTIVE or live.runner is None:
            return
        live.connection = None
        live.receive(Signal.DISCONNECTED, self.node.clock.steady())
        self._deadlines.set(live.id, live.session.next_deadline())
        live.runner.detach()
        log.info("session_suspended", session=short(live.id))
        await self.store.set_status(live.id, Status.SUSPENDED)

    def on_task(self, update: TaskUpdate) -> None:
        """A task changed: tell its session, if that is there."""
        if update.moved and not update.say:
            self.node.metrics.tasks.labels(update.task.type, str(update.task.state)).inc()
        live = self._sessions.get(update.task.session_id)
        if live is not None and live.session.live:
            live.on_task(update)

    # -- deadlines and ends ------------------------------------------------------------------------------------------

    def _look_at_deadlines(self) -> None:
        now = self.node.clock.steady()
        for session_id in self._deadlines.due(now):
            live = self._sessions.get(session_id)
            if live is None:
                continue
            try:
                self._look_at(live, now)
            except Exception as error:  # noqa: BLE001 - the others' deadlines stand
                log.error("deadline_failed", session=short(live.id), error=type(error).__name__, where=place(error))

    def _look_at(self, live: LiveSession, now: float) -> None:
        runner = live.runner
        if runner is not None and live.session.status is Status.ACTIVE and runner.conversation.pending_tasks:
            live.session.touch(now)  # who waits for a timer may be silent
        effects = live.due(now)
        for effect in effects:
            if isinstance(effect, Expiring) and live.runner is not None:
                live.runner.tell(no.SessionExpiring(effect.seconds_left, effect.reason))
        if effects and not isinstance(effects[0], Expiring):
            self._end_soon(live, effects)
        else:
            self._deadlines.set(live.id, live.session.next_deadline())

    def _end_soon(self, live: LiveSession, effects: list[Effect]) -> None:
        if any(isinstance(effect, Ended) for effect in effects):
            live.ending = asyncio.get_running_loop().create_future()  # who deletes it meanwhile waits for that
        task = asyncio.create_task(self._end(live, effects))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _end(self, live: LiveSession, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Ended):
                await self._end_now(live, effect.reason)
            elif isinstance(effect, Forgotten):
                await self._forget(live)

    async def _end_now(self, live: LiveSession, reason: Signal) -> None:
        """Everything said in it goes."""
        if live.ending is None:
            live.ending = asyncio.get_running_loop().create_future()
        try:
            await self._erase(live, reason)
        finally:
            live.ending.set_result(None)

    async def _erase(self, live: LiveSession, reason: Signal) -> None:
        self._live -= 1
        self.node.metrics.sessions_ended.labels(str(reason)).inc()
        self.node.metrics.sessions_live.set(self._live)
        usage, runner = live.usage(), live.runner
        live.runner, live.connection, live.ticket = None, None, None
        self._deadlines.set(live.id, live.session.next_deadline())
        if runner is not None:
            runner.end(no.SessionEnded(str(reason), usage), _CLOSES.get(reason, ENDED))
            await runner.gone()
        await self.tasks.forget(live.id)
        self.keyring.sessions.drop(live.id)
        await self._wash.session_ended()
        await self.store.end(live.id, live.session.status)
        log.info("session_ended", session=short(live.id), reason=str(reason))

    async def _forget(self, live: LiveSession) -> None:
        """Not even the tombstone stays."""
        self._sessions.pop(live.id, None)
        self._deadlines.remove(live.id)
        await self.tasks.forget(live.id)
        self.keyring.sessions.drop(live.id)
        await self.store.erase(live.id)
