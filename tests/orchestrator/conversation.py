"""One session in virtual time, with the skills, the engine of tasks and the store that the server has."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sottovoce.core.events import Item, ItemStatus, Role
from sottovoce.core.items import Items
from sottovoce.core.limits import MAX_ITEMS
from sottovoce.core.task import TaskState
from sottovoce.orchestrator.base import Memory, Orchestrator, Prompt, Reply, Say, Tasks, TaskUpdate
from sottovoce.orchestrator.commander import CommandOrchestrator
from sottovoce.orchestrator.skills import Skills
from sottovoce.store.base import SessionRecord
from sottovoce.store.memory import MemoryStore
from sottovoce.tasks.local import LocalTasks
from sottovoce.tasks.sealed import SealedTasks
from sottovoce.vault.session_keys import SessionKeys
from tests.tasks.virtual_time import VirtualTime

NOW = datetime(2025, 11, 19, 9, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
SKILLS = Skills.installed()


class Conversation:
    """One session with all that thinks for it; implements orchestrator.base.Talk."""

    def __init__(self, *, answers_free_text: bool = False, skills: Skills = SKILLS) -> None:
        self.session_id = "session-1"
        self.language = "en"
        self.instructions = ""
        self.last_said = ""
        self.ends_at = NOW.timestamp() + 86_400
        self.items = Items(MAX_ITEMS)
        self.memory = Memory()
        self.time = VirtualTime(NOW)
        self.store, self.keys = MemoryStore(), SessionKeys()
        self.records = SealedTasks(self.store, self.keys)
        self.engine = LocalTasks(skills, self.records, clock=self.time.clock, sleep=self.time.sleep, zone=BERLIN)
        self.engine.on_update = self._on_update
        self.tasks: Tasks = self.engine.for_session(self.session_id)
        self.announced: list[str] = []
        self.commander = CommandOrchestrator(
            skills, clock=self.time.clock, zone=BERLIN, answers_free_text=answers_free_text
        )

        self.orchestrator: Orchestrator = self.commander

    @property
    def history(self) -> tuple[Item, ...]:
        return self.items.all()

    def add(self, role: Role, text: str) -> str:
        """An item of the conversation; returns its id."""
        item = Item(id=f"item_{self.items.count}", role=role, spoken=True, status=ItemStatus.COMPLETED, text=text)
        self.items.add(item)
        return item.id

    async def admit(self) -> None:
        record = SessionRecord(
            id=self.session_id,
            namespace_id="n",
            key_hash="k",
            device_type="web",
            client_version="1",
            created_at=1.0,
            expires_at=2.0,
        )
        await self.store.admit(record, 1)
        self.keys.begin(record.id)

    def _on_update(self, update: TaskUpdate) -> None:
        if update.say:
            self.announced.append(update.say)

    async def replies(self, text: str, *, spoken: bool = True) -> list[Reply]:
        item_id = self.add(Role.USER, text)
        prompt = Prompt(text=text, spoken=spoken, item_id=item_id)
        return [reply async for reply in self.orchestrator.reply(prompt, self)]

    async def hear(self, text: str, *, spoken: bool = True) -> str:
        """What is answered."""
        said = " ".join(reply.text for reply in await self.replies(text, spoken=spoken) if isinstance(reply, Say))
        self.add(Role.ASSISTANT, said)
        self.last_said = said
        return said

    async def states(self) -> list[tuple[str, TaskState]]:
        return [(task.type, task.state) for task in await self.tasks.all()]
