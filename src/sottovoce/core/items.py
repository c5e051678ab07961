"""The items of a conversation in order, bounded: the oldest go first."""

from collections import OrderedDict

from sottovoce.core.events import Item
from sottovoce.errors import BadMessage


class Items:
    """What was said, in order."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: OrderedDict[str, Item] = OrderedDict()
        self.count = 0
        """Items there ever were."""

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._items

    def all(self) -> tuple[Item, ...]:
        """The items that are kept, in order."""
        return tuple(self._items.values())

    def get(self, item_id: str) -> Item:
        """The item. Raises BadMessage."""
        item = self._items.get(item_id)
        if item is None:
            raise BadMessage("There is no item of that id in the conversation", reason="item_not_found")
        return item

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Put an item behind `after` ("root": at the head; None: at the end); returns the id it now stands behind.

        Raises BadMessage if the id is taken, or `after` unknown.
        """
        if item.id in self._items:
            raise BadMessage("An item of that id is in the conversation already", reason="item_exists")
        if after is not None and after != "root":
            self.get(after)
        while len(self._items) >= self._limit:
            oldest, _ = self._items.popitem(last=False)
            after = "root" if after == oldest else after
        previous = self.last_id()
        self._items[item.id] = item
        self.count += 1
        if after is not None and after != previous:
            self._move_behind(item.id, after)
            previous = None if after == "root" else after
        return previous

    def _move_behind(self, item_id: str, after: str) -> None:
        ids = list(self._items)
        start = 0 if after == "root" else ids.index(after) + 1
        for other in ids[start:]:
            if other != item_id:
                self._items.move_to_end(other)

    def remove(self, item_id: str) -> None:
        """Take an item out. Raises BadMessage."""
        self.get(item_id)
        del self._items[item_id]

    def last_id(self) -> str | None:
        """The newest item's id."""
        return next(reversed(self._items), None)

    def before(self, item_id: str) -> str | None:
        """The id of the item that stands before this one, if both are there."""
        previous = None
        for each in self._items:
            if each == item_id:
                return previous
            previous = each
        return None
