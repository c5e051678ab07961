"""The keys of the sessions that live on this node: in RAM, and nowhere else."""

from sottovoce.vault.sealing import SessionKey


class SessionKeys:
    """One key a session, from its creation to its end."""

    def __init__(self) -> None:
        self._keys: dict[str, SessionKey] = {}

    def begin(self, session_id: str) -> SessionKey:
        """A new key."""
        key = self._keys[session_id] = SessionKey(session_id)
        return key

    def get(self, session_id: str) -> SessionKey | None:
        """The key of a session that lives."""
        return self._keys.get(session_id)

    def drop(self, session_id: str) -> None:
        """Nothing of the session can be opened any more. Harmless when done twice."""
        key = self._keys.pop(session_id, None)
        if key is not None:
            key.drop()
