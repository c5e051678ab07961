"""One frozen tree of settings, read once: environment (SOTTOVOCE_*), then a TOML file, then the defaults here.

The rooms below get plain values, never this tree.
"""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from sottovoce.core.addresses import is_loopback
from sottovoce.errors import SettingsInvalid

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PREFIX = "SOTTOVOCE_"
CONFIG_VARIABLE = PREFIX + "CONFIG"
DEFAULT_CONFIG = "sottovoce.toml"
MOST_ENGINES = 8
"""Of a role."""


class McpServerSettings(BaseModel):
    """One MCP server: `command` starts it here, `url` is where it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, SecretStr] = {}
    url: str | None = None
    headers_file: Path | None = None
    credential_env: str | None = None
    confirm: Literal["destructive", "always", "never"] = "destructive"
    timeout_seconds: float = Field(60.0, gt=0, le=3600)

    @model_validator(mode="after")
    def _one_place(self) -> "McpServerSettings":
        if (self.command is None) == (self.url is None):
            raise ValueError("an MCP server has a command that starts it, or a url where it is")
        if self.url is not None and (self.args or self.env):
            raise ValueError("args and env are for MCP servers with a command")
        if self.command is not None and (self.headers_file or self.credential_env):
            raise ValueError("headers_file and credential_env are for MCP servers with a url")
        return self

    def headers(self) -> dict[str, str]:
        """What is sent with each request. Raises OSError, ValueError for what the operator can mend."""
        headers = {}
        if self.headers_file is not None:
            for line in self.headers_file.read_text(encoding="utf-8").splitlines():
                name, colon, value = line.partition(":")
                if line.strip() and not colon:
                    raise ValueError(f"{self.headers_file} holds a line that is no header: one looks like Name: value")
                if line.strip():
                    headers[name.strip()] = value.strip()
        if self.credential_env is not None:
            credential = os.environ.get(self.credential_env)
            if not credential:
                raise ValueError(f"the environment has no {self.credential_env}")
            headers["Authorization"] = f"Bearer {credential}"
        return headers

    @field_validator("url")
    @classmethod
    def _whole_url(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if value is not None and (parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc):
            raise ValueError("the url of an MCP server looks like https://tools.example.org/mcp, without a password")
        return value


class Settings(BaseSettings):
    """Every setting; each is `SOTTOVOCE_` and its name in capitals in the environment, its name in the TOML file."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    host: str = Field(
        "127.0.0.1",
        description="Address to listen on. Off loopback, `public_url` must be set, and a way to tell callers apart.",
    )
    port: int = Field(8765, ge=0, le=65_535, description="Port to listen on; 0 takes a free one and says which.")
    public_url: str | None = Field(
        None,
        description="Where clients reach the server (`https://voice.example.org`). Makes up every `websocket_url`; "
        "without it, the request's own host does. With one that others reach, callers must be told apart: by "
        '`api_keys`, by `jwks_url`, or by `namespaces = "registered"` with `proof = "always"`.',
    )
    api_keys: Path | None = Field(
        None,
        description="File of API keys, as `sottovoce keys api` makes it; read again when it changes. With it, each "
        "call under `/api/v1` needs one (`Authorization: Bearer`), or a token.",
    )
    jwks_url: str | None = Field(
        None,
        description="Where the issuer of tokens (JWTs) publishes its keys. With it, each call under `/api/v1` needs a "
        "token (`Authorization: Bearer`), or an API key.",
    )
    jwt_issuer: str | None = Field(None, description="Who issues tokens: their claim `iss`.")
    jwt_audience: str | None = Field(None, description="Whom tokens are for: what their claim `aud` has to name.")
    jwt_namespaces_claim: str = Field(
        "namespaces", min_length=1, description="The claim of tokens that names the caller's namespace, or lists them."
    )
    creates_per_minute: int = Field(
        60,
        ge=1,
        description="Sessions that one namespace may open a minute. Where only this machine reaches the server, its "
        "callers are not counted.",
    )
    creates_per_minute_address: int = Field(600, ge=1, description="The same for one address (of IPv6: one /48).")
    audit_log: bool | None = Field(
        None,
        description="Log each call under `/api/v1`: who did what to which pseudonym. Default: where callers are told "
        "apart by `api_keys` or `jwks_url`.",
    )
    receipt_key: Path | None = Field(
        None,
        description="Ed25519 key in PEM that signs receipts of erasure. Default: one that goes with the process.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Addresses whose `X-Forwarded-Proto` and `X-Forwarded-For` count, separated by commas.",
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Origins of web pages (`https://app.example.org`), separated by commas, that may use the server "
        "from browsers. Its own pages always may.",
    )
    operator: bool = Field(default=False, description="Show operators what the server does, at `/operator`.")
    operator_password: SecretStr | None = Field(
        None,
        min_length=12,
        description="What opens `/operator`, for the user `operator`. Without it, only this machine can: the server "
        "must listen on loopback and have no `public_url`.",
    )
    recogniser: Annotated[tuple[str, ...], NoDecode] = Field(
        ("pocketsphinx:",),
        min_length=1,
        max_length=MOST_ENGINES,
        description="The engine that hears, by URL; or several (a list; in the environment separated by spaces), of "
        "which the next one hears what the one before it cannot.",
    )
    synthesiser: Annotated[tuple[str, ...], NoDecode] = Field(
        ("espeak:",),
        min_length=1,
        max_length=MOST_ENGINES,
        description="The engine that speaks, by URL; or several, likewise.",
    )
    mcp_servers: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")], McpServerSettings] = Field(
        {},
        description="MCP servers whose tools become skills (`NAME.TOOL`), each by its name: in the file a table "
        "`[mcp_servers.NAME]` with `command`, `args`, `env`, or `url`, `headers_file`, `credential_env`; and "
        "`confirm`, `timeout_seconds`. In the environment, the same as JSON. See [Use MCP](../how-to/use-mcp.md).",
    )
    model: str | None = Field(
        None,
        description="The language model that answers what is no command, by URL "
        "(`openai+http://localhost:11434/v1?model=NAME`). Without one, only commands are understood.",
    )
    model_context_tokens: int = Field(
        8_000,
        ge=2_000,
        le=2_000_000,
        description="How much the model can take in, its answer included. What is older than fits is summarised.",
    )
    end_of_turn: str | None = Field(
        None,
        description="The engine that says by its sound whether a turn with `semantic_vad` is over, by URL: "
        "`smart-turn:/path/to/model.onnx`. Without it, words alone say.",
    )
    engine_deadline_seconds: float = Field(
        5.0,
        gt=0,
        le=60,
        description="Where several engines are named: how long one may take to a transcript or to its next sound "
        "before the next engine does it.",
    )
    engine_workers: int = Field(
        default_factory=lambda: max(1, min(4, os.cpu_count() or 1)),
        ge=1,
        le=64,
        description="Worker processes an engine may start, if it needs such. Default: the cores, at most 4.",
    )
    store: str = Field("memory:", description="Where sessions and tasks are kept: `memory:` keeps them in the process.")
    max_sessions_per_user: int = Field(5, ge=1, le=10_000, description="Live sessions of one namespace.")
    max_sessions: int = Field(100_000, ge=1, description="Live sessions of this server.")
    max_lag_ms: int = Field(
        1_000, ge=10, description="With its event loop this late on average, the server takes no new session (503)."
    )
    session_ttl_hours: float = Field(24.0, gt=0, le=24 * 30, description="A session older than this closes.")
    connect_timeout_seconds: float = Field(
        30.0, gt=0, description="A session to which nobody connects for so long is closed; its ticket is as old."
    )
    grace_seconds: float = Field(30.0, gt=0, description="A session whose connection dropped is kept for so long.")
    idle_timeout_seconds: float = Field(
        900.0, gt=0, description="A session in which nobody speaks or types for so long is closed (4408)."
    )
    encryption_enabled: bool = Field(
        default=True,
        description="Pin each namespace to the first key fingerprint it shows while anything of it lives. "
        "If false, only the fingerprint's form is checked.",
    )
    namespaces: Literal["open", "pinned", "registered"] = Field(
        "pinned",
        description="Who may open sessions in a namespace: whoever names it (`open`), whoever shows the fingerprint "
        "that it showed first while anything of it lives (`pinned`), or only those of `registered_namespaces`.",
    )
    registered_namespaces: dict[str, str] = Field(
        {}, description="Namespaces to the fingerprint (`key_hash`) of each, where `namespaces` is `registered`."
    )
    proof: Literal["shown", "always"] = Field(
        "shown",
        description="Whose calls must be signed: those of namespaces that have shown their public keys, or all.",
    )
    lockdown: Literal["on", "strict", "off"] = Field(
        "on",
        description="Give up writing files, core dumps, swap and what else could keep something that was said. `on`: "
        "what the system refuses is a warning; `strict`: it stops the start; `off`: nothing is given up.",
    )
    timezone: str | None = Field(
        None, description="Time zone of spoken times (`Europe/Berlin`). Default: the machine's."
    )
    log_format: Literal["console", "json"] = Field("console", description="How log lines look.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")

    @field_validator("trusted_proxies", "allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            try:
                ip_address(each)
            except ValueError:
                raise ValueError(f"{each} is no IP address: a name or a network would never match one") from None
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _whole_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            parts = urlsplit(each)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
                raise ValueError("an origin is scheme and host, with nothing after: https://app.example.org")
        return value

    @field_validator("public_url")
    @classmethod
    def _whole_url(cls, value: str | None) -> str | None:
        if not value:
            return None  # empty, it hides the one in the file
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("public_url must look like https://voice.example.org")
        return value.rstrip("/")

    @field_validator("api_keys", "jwks_url", "receipt_key", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value  # empty, it hides the one in the file

    @field_validator("jwks_url")
    @classmethod
    def _jwks_is_safe(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if not parts.hostname or not (
            parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
        ):
            raise ValueError(
                "jwks_url must begin with https:// (http:// only on this machine): whoever can change what "
                "it answers can let anybody in"
            )
        return value

    @field_validator("recogniser", "synthesiser", mode="before")
    @classmethod
    def _one_url_or_several(cls, value: object) -> object:
        """URLs may hold commas, but no spaces."""
        return tuple(value.split()) if isinstance(value, str) else value

    @field_validator("store")
    @classmethod
    def _known_store(cls, value: str) -> str:
        if value != "memory:":
            raise ValueError("the store of this version is memory:")
        return value

    @model_validator(mode="after")
    def _public_off_loopback(self) -> "Settings":
        if not is_loopback(self.host) and self.public_url is None:
            raise ValueError(
                f"listening on {self.host} lets others in: set public_url (SOTTOVOCE_PUBLIC_URL) to the address they "
                "use, or listen on 127.0.0.1"
            )
        return self

    @model_validator(mode="after")
    def _tokens_are_for_here(self) -> "Settings":
        if self.jwks_url is not None and (not self.jwt_issuer or not self.jwt_audience):
            raise ValueError("jwks_url needs jwt_issuer and jwt_audience: whose tokens, and made for whom")
        return self

    @property
    def reached_by_others(self) -> bool:
        """Whether more than this machine can call."""
        elsewhere = self.public_url is not None and not is_loopback(urlsplit(self.public_url).hostname or "")
        return elsewhere or not is_loopback(self.host)

    @property
    def credentials(self) -> bool:
        """Whether callers are told apart by API keys or tokens."""
        return self.api_keys is not None or self.jwks_url is not None

    @model_validator(mode="after")
    def _callers_are_told_apart(self) -> "Settings":
        proven = self.namespaces == "registered" and self.proof == "always"
        if self.reached_by_others and not self.credentials and not proven:
            raise ValueError(
                "others can reach this server, and nothing tells them apart: set api_keys (make a key with `sottovoce "
                "keys api new`), or jwks_url, or namespaces to registered and proof to always"
            )
        return self

    @model_validator(mode="after")
    def _operator_is_known(self) -> "Settings":
        open_to_others = self.public_url is not None or not is_loopback(self.host)
        if self.operator and self.operator_password is None and open_to_others:
            raise ValueError(
                "operator lets everybody who can reach the server look at /operator: set operator_password "
                "(SOTTOVOCE_OPERATOR_PASSWORD, 12 characters or more), or turn operator off"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature; no .env is read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, environment, file, in this order."""
        toml = TomlConfigSettingsSource(settings_cls, Path(os.environ.get(CONFIG_VARIABLE, DEFAULT_CONFIG)))
        return init_settings, env_settings, toml


def read_settings(**overrides: object) -> Settings:
    """The settings in force; `overrides` win. Raises SettingsInvalid, naming each setting that is wrong."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named is not None and not Path(named).is_file():
        raise SettingsInvalid(f"{CONFIG_VARIABLE} names a file that is not there: {named}")
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsInvalid("The settings cannot be used. " + "; ".join(map(_told, error.errors()))) from None
    except SettingsError as error:
        raise SettingsInvalid(f"A setting of the environment cannot be read as JSON: {error}") from None
    except (OSError, ValueError) as error:
        raise SettingsInvalid(f"The settings file {named or DEFAULT_CONFIG} cannot be read: {error}") from None


def _told(error: "ErrorDetails") -> str:
    """What is wrong with a setting, in words for who wrote it."""
    context = error.get("ctx", {})
    match error["type"]:
        case "value_error":  # ours: the library would put "Value error" before it
            says = str(context["error"])
        case "extra_forbidden":
            says = "there is no such setting"
        case "too_short" if error["loc"] == ("operator_password",):
            says = f"it has {context['actual_length']} characters, and needs {context['min_length']} or more"
        case _:
            says = error["msg"]
    name = ".".join(str(part) for part in error["loc"])
    return f"{name}: {says}" if name else says
