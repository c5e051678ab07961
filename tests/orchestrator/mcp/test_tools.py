import pytest
from mcp.types import Tool as McpTool
from mcp.types import ToolAnnotations

from sottovoce.orchestrator.mcp.tools import asks_first, spoken


@pytest.mark.parametrize(
    ("hints", "asks"),
    [
        (None, True),
        (ToolAnnotations(), True),
        (ToolAnnotations(read_only_hint=True), False),
        (ToolAnnotations(read_only_hint=False), True),
        (ToolAnnotations(destructive_hint=True), True),
        (ToolAnnotations(destructive_hint=False), False),
        (ToolAnnotations(read_only_hint=True, destructive_hint=True), True),  # it contradicts itself
    ],
)
def test_tools_that_may_destroy_ask_first(hints: ToolAnnotations | None, asks: bool) -> None:
    tool = McpTool(name="x", input_schema={"type": "object"}, annotations=hints)
    assert asks_first(tool, "destructive") is asks
    assert asks_first(tool, "always") is True
    assert asks_first(tool, "never") is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It is sunny.", "It is sunny."),
        ("Two\n lines\tand\x00 more", "Two lines and more"),
        ('{"a": 1}', ""),
        ("| a | b |", ""),
        ("A sentence. " * 100, ("A sentence. " * 33).strip()),
        ("word " * 200, ("word " * 79 + "word").strip()),
        ("x" * 900, "x" * 400),
    ],
)
def test_what_a_tool_says_is_spoken_as_far_as_it_is_for_ears(text: str, said: str) -> None:
    assert spoken(text) == said
    assert len(spoken(text)) <= 400
