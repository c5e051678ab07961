"""`/api/v1/examples`: what can be said."""

from typing import Annotated

from fastapi import APIRouter, Query
from typing_extensions import TypedDict

from sottovoce.live.hub import Hub


class Example(TypedDict):
    """A sentence, and the skill that it calls."""

    skill: str
    text: str


def router(hub: Hub) -> APIRouter:
    """The resource."""
    routes = APIRouter(tags=["examples"])

    @routes.get("/examples", summary="Sentences to say, one for each skill")
    async def examples(language: Annotated[str, Query(pattern=r"^[a-z]{2}$")] = "en") -> list[Example]:
        found = hub.node.orchestrator.examples(language)
        return [Example(skill=skill, text=text) for skill, text in found.items()]

    return routes
