"""Keys: which a namespace has to show, and the one of each live session."""

from collections.abc import Mapping

from sottovoce.errors import InvalidKeyHash, InvalidPublicKeys
from sottovoce.live.asked import NewSession
from sottovoce.store.base import SessionRecord, Store
from sottovoce.vault.keys import PublicKeys, encode
from sottovoce.vault.sealing import Purpose, seal_to
from sottovoce.vault.session_keys import SessionKeys


class Keyring:
    """`registered`: namespaces to the fingerprint of each, if no others may open sessions."""

    def __init__(self, store: Store, sessions: SessionKeys, registered: Mapping[str, str] | None) -> None:
        self.sessions = sessions
        self._store = store
        self._registered = registered

    async def known(self, namespace_id: str) -> PublicKeys | None:
        """The public keys that a namespace has shown, while anything of it lives."""
        return await self._store.keys_of(namespace_id)

    async def shown(self, new: NewSession, key_hash: str) -> PublicKeys | None:
        """The namespace's public keys: those that come with the new session, else those that are known.

        Raises InvalidKeyHash, InvalidPublicKeys.
        """
        if self._registered is not None and self._registered.get(new.namespace_id, "").lower() != key_hash:
            raise InvalidKeyHash
        if new.public_keys is None:
            return await self.known(new.namespace_id)
        if new.public_keys.key_hash != key_hash:
            raise InvalidPublicKeys
        return new.public_keys

    def hand_over(self, record: SessionRecord, *, privately: bool) -> dict[str, str]:
        """The session's key for the client: `{sealed}` to its namespace's key, `{plain}` to one that has shown none, if
        nobody can read along."""
        key = self.sessions.get(record.id)
        secret = key.secret if key is not None else b""
        if record.public_keys is None:
            return {"plain": encode(secret)} if privately else {}
        return {"sealed": encode(seal_to(record.public_keys.sealing, Purpose.SESSION_KEY, record.id, secret))}
