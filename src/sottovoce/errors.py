"""Every error that crosses a border of this package.

    SottovoceError
    ├── ClientFault            the caller can mend it
    │   ├── InvalidKeyHash         401  invalid_key_hash
    │   ├── InvalidPublicKeys      422  invalid_public_keys
    │   ├── NotSealedForThis       422  not_sealed_for_this
    │   ├── CredentialRequired     401  credential_required
    │   ├── CredentialInvalid      401  credential_invalid
    │   ├── NamespaceNotAllowed    403  namespace_not_allowed
    │   ├── NamespaceNotFound      404  namespace_not_found
    │   ├── ForeignHost            421  foreign_host
    │   ├── CreatingTooFast        429  creating_too_fast      (passes)
    │   ├── ProofRequired          401  proof_required
    │   ├── ProofInvalid           401  proof_invalid
    │   ├── TooManySessions        429  too_many_sessions      (passes)
    │   ├── SessionNotFound        404  session_not_found
    │   ├── TaskNotFound           404  task_not_found
    │   ├── TaskConflict           409  task_conflict
    │   ├── ResultNotReady         409  result_not_ready       (passes)
    │   ├── UnknownTaskType        422  unknown_task_type
    │   ├── InvalidArguments       422  invalid_arguments
    │   ├── BodyTooLarge           413  body_too_large
    │   ├── OperatorUnknown        401  operator_unknown
    │   ├── OperatorElsewhere      403  operator_elsewhere
    │   ├── OperatorGuesses        429  operator_guesses       (passes)
    │   └── BadMessage             a stream message that is wrong in itself; its code says how
    ├── ServerFault            ours
    │   ├── NodeFull               503  node_full              (passes)
    │   ├── NodeOverloaded         503  node_overloaded        (passes)
    │   ├── StoreUnavailable       503  store_unavailable      (passes)
    │   └── TokensUnchecked        503  tokens_unchecked       (passes)
    ├── EngineFault            an engine's
    │   ├── EngineUnavailable      503  engine_unavailable     (passes)
    │   ├── LanguageNotSupported   422  language_not_supported
    │   └── EngineUrlInvalid            engine_url_invalid
    └── SettingsInvalid        the operator's; said at start, before anything listens

`code` is stable and machine-readable, `status` is the HTTP status it is answered with, `passes` says whether trying
again later can help. No message ever holds what was said, a full id, a ticket or a key.
"""

from typing import ClassVar


class SottovoceError(Exception):
    """The root of the tree."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    passes: ClassVar[bool] = False
    detail: ClassVar[str] = "Something went wrong in the server"
    challenge: ClassVar[str | None] = None
    """How the caller is to say who they are: a value of WWW-Authenticate (RFC 9110, 11.6.1)."""

    def __init__(self, detail: str | None = None, *, retry_after_s: int | None = None) -> None:
        self.message = detail if detail is not None else self.detail
        self.retry_after_s = retry_after_s
        super().__init__(self.message)


class ClientFault(SottovoceError):
    """The caller can mend it."""

    code = "bad_request"
    status = 400
    detail = "The request cannot be served as it is"


class InvalidKeyHash(ClientFault):
    """Malformed, or not the fingerprint that this namespace is pinned to."""

    code = "invalid_key_hash"
    status = 401
    detail = "Invalid encryption key hash"


class InvalidPublicKeys(ClientFault):
    """They are not a namespace's public keys, or not those that the fingerprint is of."""

    code = "invalid_public_keys"
    status = 422
    detail = "public_keys are no X25519 and Ed25519 or ES256 keys in base64url, or key_hash is not their fingerprint"


class NotSealedForThis(ClientFault):
    """It was changed, or sealed for something or somebody else, or its key is gone."""

    code = "not_sealed_for_this"
    status = 422
    detail = "This cannot be opened: it was changed, or sealed for something else, or its key is gone"


class CredentialRequired(ClientFault):
    """The server tells its callers apart, and this one has not said who they are."""

    code = "credential_required"
    status = 401
    detail = "Say who calls: send the header Authorization: Bearer, and an API key or a token of this server's issuer"
    challenge = 'Bearer realm="Sottovoce"'


class CredentialInvalid(ClientFault):
    """The API key or token is unknown, withdrawn, expired, or another server's."""

    code = "credential_invalid"
    status = 401
    detail = "The API key or token is unknown, withdrawn, expired, or for another server"
    challenge = 'Bearer realm="Sottovoce", error="invalid_token"'


class NamespaceNotAllowed(ClientFault):
    """The caller's API key or token is for other namespaces."""

    code = "namespace_not_allowed"
    status = 403
    detail = "This API key or token is not for that namespace: name one of its own"


class NamespaceNotFound(ClientFault):
    """The caller has no namespace of that name."""

    code = "namespace_not_found"
    status = 404
    detail = "Namespace not found"


class ForeignHost(ClientFault):
    """A server that is open to its own machine only was asked under another name: a page of another site may be behind
    it."""

    code = "foreign_host"
    status = 421
    detail = (
        "This server answers on http://127.0.0.1 and http://localhost only. For another name, set public_url, or list "
        "it in allowed_origins"
    )


class CreatingTooFast(ClientFault):
    """The namespace, or the caller's address, opens sessions faster than it may."""

    code = "creating_too_fast"
    status = 429
    passes = True
    detail = "Sessions are being opened too fast: wait, then try again"


class ProofRequired(ClientFault):
    """The namespace has shown its public keys: whoever acts in it signs its requests."""

    code = "proof_required"
    status = 401
    detail = (
        "This namespace has shown its keys: sign the request with them (RFC 9421 over @method, @target-uri and "
        'content-digest, with created, nonce and the tag "sottovoce")'
    )


class ProofInvalid(ClientFault):
    """The signature is another key's, of another request, too old, or was used before."""

    code = "proof_invalid"
    status = 401
    detail = (
        "The signature is not this namespace's for this request, or too old, or was used before. Does the caller use "
        "the address of public_url, and is its clock right?"
    )


class TooManySessions(ClientFault):
    """The namespace has all its sessions in use."""

    code = "too_many_sessions"
    status = 429
    passes = True

    def __init__(self, limit: int, *, retry_after_s: int) -> None:
        super().__init__(f"Maximum {limit} concurrent sessions allowed", retry_after_s=retry_after_s)


class SessionNotFound(ClientFault):
    """No such session, or it is gone."""

    code = "session_not_found"
    status = 404
    detail = "Session not found"


class TaskNotFound(ClientFault):
    """No such task, or its session is gone."""

    code = "task_not_found"
    status = 404
    detail = "Task not found"


class TaskConflict(ClientFault):
    """The task is not in a state that allows this."""

    code = "task_conflict"
    status = 409
    detail = "The task's state does not allow this"


class ResultNotReady(ClientFault):
    """The task has made nothing yet."""

    code = "result_not_ready"
    status = 409
    passes = True
    detail = "The task has no result yet; wait for its state to become completed"


class UnknownTaskType(ClientFault):
    """No skill of that name starts a task."""

    code = "unknown_task_type"
    status = 422


class InvalidArguments(ClientFault):
    """The skill does not take these arguments."""

    code = "invalid_arguments"
    status = 422


class BodyTooLarge(ClientFault):
    """A request body over the limit."""

    code = "body_too_large"
    status = 413
    detail = "The request body is too large"


class OperatorUnknown(ClientFault):
    """The operator page wants the user `operator` and the password of the settings."""

    code = "operator_unknown"
    status = 401
    detail = "Sign in as the user operator, with the password that operator_password sets"
    challenge = 'Basic realm="Sottovoce operator", charset="UTF-8"'


class OperatorElsewhere(ClientFault):
    """Without a password, the operator page opens only on the server's own machine, and for no other site's page."""

    code = "operator_elsewhere"
    status = 403
    detail = (
        "Without a password this opens only on the server's own machine, at http://127.0.0.1 or http://localhost and "
        "not through a proxy. To open it from elsewhere, set operator_password (SOTTOVOCE_OPERATOR_PASSWORD, 12 "
        "characters or more)"
    )


class OperatorGuesses(ClientFault):
    """Too many wrong passwords came from the caller's address; until it passes, none is looked at."""

    code = "operator_guesses"
    status = 429
    passes = True
    detail = "Too many wrong passwords came from this address: wait, then sign in again"


class BadMessage(ClientFault):
    """A stream message that is wrong in itself: answered by an `error` event, the stream goes on."""

    code = "invalid_message"

    def __init__(self, detail: str, *, reason: str = "invalid_message", param: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.param = param
        self.event_id: str | None = None


class ServerFault(SottovoceError):
    """Ours."""


class NodeFull(ServerFault):
    """This node holds as many sessions as it may."""

    code = "node_full"
    status = 503
    passes = True
    detail = "This server has no room for another session now"


class NodeOverloaded(ServerFault):
    """The event loop lags: another session would hurt those that live."""

    code = "node_overloaded"
    status = 503
    passes = True
    detail = "This server is too busy to take another session now"


class StoreUnavailable(ServerFault):
    """The store that the nodes share does not answer: sessions that live go on, new ones have to wait."""

    code = "store_unavailable"
    status = 503
    passes = True
    detail = "The store of this server does not answer now; sessions that live go on"


class TokensUnchecked(ServerFault):
    """The issuer's keys could not be fetched, so that no token can be checked."""

    code = "tokens_unchecked"
    status = 503
    passes = True
    detail = "Tokens cannot be checked now, since their issuer's keys could not be fetched"


class EngineFault(SottovoceError):
    """An engine's."""

    code = "engine_failed"
    status = 502
    detail = "A speech engine failed"


class EngineUnavailable(EngineFault):
    """The engine is not there, or does not answer; what to install or start is in the message."""

    code = "engine_unavailable"
    status = 503
    passes = True
    detail = "A speech engine is not available"


class LanguageNotSupported(EngineFault):
    """The engine does not know the language; the message names those that do."""

    code = "language_not_supported"
    status = 422


class EngineUrlInvalid(EngineFault):
    """No engine of that name, or not for that role."""

    code = "engine_url_invalid"
    status = 500


class SettingsInvalid(SottovoceError):
    """The operator's: said at start, before anything listens."""

    code = "settings_invalid"
