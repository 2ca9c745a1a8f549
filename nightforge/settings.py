"""Settings in layers, each value with its origin.

Low to high: built-in < user `config.toml` < project `nightforge.toml` (or `[tool.nightforge]` of `pyproject.toml`)
< `.env` < `NIGHTFORGE_*` environment < flags. `OPENAI_API_KEY` and `OPENAI_BASE_URL` are read just below their
`NIGHTFORGE_` namesakes. `NIGHTFORGE_HOME` moves every path into one folder.
"""

from __future__ import annotations

import getpass
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from json import loads
from pathlib import Path
from typing import Annotated, Any, ClassVar

from platformdirs import PlatformDirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from nightforge.domain.plan import ListedPrice, ModelSpec
from nightforge.domain.words import SandboxChoice
from nightforge.errors import UserError

PREFIX = "NIGHTFORGE_"
USER_FILE = "config.toml"
PROJECT_FILE = "nightforge.toml"
BUILT_IN = "built-in"
ONLY_BY_FLAG = {"unsafe_local": "--unsafe-local"}
SECRETS = frozenset({"api_key", "webhook_url", "webhook_secret"})
"""Read from the environment and from .env, never from a settings file. A webhook's address lets anyone write there."""
FOREIGN_VARIABLES = {"OPENAI_API_KEY": "api_key", "OPENAI_BASE_URL": "base_url"}


class Settings(BaseSettings):
    """Effective values. Built by `load_settings`; `Settings(...)` alone takes only what it is given."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=PREFIX, validate_default=True)

    home: Path
    """Folder of the database, reports and logs."""
    database_url: str
    unsafe_local: bool = False
    """Run candidates without a sandbox; only the typed flag sets it."""
    sandbox: SandboxChoice = SandboxChoice.AUTO
    """Tier that candidates run in: `auto` takes bubblewrap, and docker where that does not work."""
    docker_image: str = ""
    """Image of the docker tier, by name or id; empty for the newest that this release made."""
    docker_gpus: Annotated[tuple[str, ...], NoDecode] = ()
    """NVIDIA devices that containers see, by id, or `all`."""
    docker_warm: Annotated[int, Field(ge=0, le=64)] = 0
    """Containers made ahead of need; each is used once."""
    owner: str = ""
    """Whose campaigns, stars and hints these are; empty for the login name."""
    broker_dir: Path | None = None
    """What all campaigns of this machine share (pace, dollars of the day); unset, a folder of the user's state."""
    daily_usd: Annotated[float, Field(ge=0)] | None = None
    """Cap on dollars of a calendar day, over all campaigns and databases of this machine."""
    models: Annotated[tuple[ModelSpec, ...], NoDecode] = ()
    base_url: str | None = None
    api_key: SecretStr | None = None
    prices: tuple[ListedPrice, ...] = ()
    """Dated prices of your own, for models that name none; they win over the built-in list."""
    request_timeout_s: Annotated[float, Field(gt=0)] = 300.0
    first_reply_timeout_s: Annotated[float, Field(gt=0)] = 600.0
    """Of the first attempt at a model, which a local server may have to load."""
    total_timeout_s: Annotated[float, Field(gt=0)] = 900.0
    max_concurrent_calls: Annotated[int, Field(ge=1, le=256)] = 8
    proxy_from_env: bool = False
    """Reach model endpoints through the proxy that HTTPS_PROXY and the like name."""
    webhook_url: SecretStr | None = None
    """Where notices are posted (finished, stalled, budget at 80 %, new champion, suspicious); unset, nowhere."""
    webhook_secret: SecretStr | None = None
    """Signs the notices (HMAC-SHA256), so that the receiver can tell them from others'."""
    stalled_minutes: Annotated[float, Field(gt=0)] = 60.0
    """Without a better candidate: a notice says that the search stands still."""
    in_flight: Annotated[int, Field(ge=1, le=256)] | None = None
    """Candidates under way at once; unset, measured reply and evaluation times decide."""
    evaluation_slots: Annotated[int, Field(ge=1, le=64)] = 1
    reuse_evaluations: bool = True
    """Take a search evaluation from an earlier one of the same program, tools and task; never a confirmation."""

    @field_validator("models", mode="before")
    @classmethod
    def _names_or_tables(cls, value: object) -> object:
        """`a, b`, JSON, or a list of names and tables."""
        if isinstance(value, str):
            text = value.strip()
            value = loads(text) if text.startswith("[") else [name.strip() for name in text.split(",") if name.strip()]
        if isinstance(value, list | tuple):
            return tuple({"model": item} if isinstance(item, str) else item for item in value)
        return value

    @field_validator("docker_gpus", mode="before")
    @classmethod
    def _device_names(cls, value: object) -> object:
        return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value

    @field_validator("base_url")
    @classmethod
    def _http_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value

    @field_validator("webhook_url")
    @classmethod
    def _web_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only the layers that `load_settings` lays out: the process environment is read there, once."""
        layers = init_settings.init_kwargs.pop(_LAYERS, ()) if isinstance(init_settings, InitSettingsSource) else ()
        return (init_settings, *(_LayerSource(settings_cls, layer) for layer in reversed(layers)))

    @property
    def reports_dir(self) -> Path:
        return self.home / "reports"

    @property
    def person(self) -> str:
        """Empty where the system knows no name for this user, as in some containers."""
        if self.owner:
            return self.owner
        try:
            return getpass.getuser()
        except (KeyError, OSError):
            return ""

    @property
    def shared_dir(self) -> Path:
        """Never below `home`: campaigns of other homes share it, too."""
        return self.broker_dir or PlatformDirs("nightforge", appauthor=False).user_state_path / "broker"

    @property
    def logs_dir(self) -> Path:
        return self.home / "logs"


_LAYERS = "_nightforge_layers"


@dataclass(frozen=True)
class Layer:
    """Values of one place, raw; `origins` names the place of each, for people."""

    values: Mapping[str, object]
    origins: Mapping[str, str]


class _LayerSource(PydanticBaseSettingsSource):
    def __init__(self, settings_cls: type[BaseSettings], layer: Layer) -> None:
        super().__init__(settings_cls)
        self._layer = layer

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._layer.values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return dict(self._layer.values)


@dataclass(frozen=True)
class Resolved:
    """Settings with the origin of each field, and what was ignored."""

    settings: Settings
    origins: Mapping[str, str]
    files: Mapping[str, Path]
    """Layer → file it was, or would be, read from."""
    unknown_variables: tuple[str, ...] = ()
    """`NIGHTFORGE_*` variables that name no setting."""

    SECRET: ClassVar[frozenset[str]] = SECRETS

    def shown(self, name: str) -> str:
        """The value for a person's eyes: secrets only as set or not set."""
        value = getattr(self.settings, name)
        if name in self.SECRET:
            return "(not set)" if value is None else "(set, not shown)"
        if name == "database_url":
            return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", str(value))
        if name == "models":
            return ", ".join(model.model for model in value) or "(none: the offline team works)"
        return "(not set)" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def load_settings(
    flags: Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Resolved:
    """Read every layer; a UserError names the file (with line) or the variable and the field."""
    environ = os.environ if environ is None else environ
    cwd = Path.cwd() if cwd is None else cwd
    files = config_files(environ, cwd)
    dotenv = _read_dotenv(files["dotenv"])
    known = set(Settings.model_fields)
    environment, unknown = _variables(environ, "environment", known)
    dotenv_layer, dotenv_unknown = _variables(dotenv, str(files["dotenv"]), known)
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    layers = [
        _file_layer(files["user"], known),
        _file_layer(files["project"], known),
        dotenv_layer,
        environment,
    ]
    for layer in layers:
        _refuse_flag_only(layer)
    layers.append(Layer(given, {name: "flag" for name in given}))
    merged: dict[str, object] = {}
    origins = dict.fromkeys(Settings.model_fields, BUILT_IN)
    for layer in layers:
        merged.update(layer.values)
        origins.update(layer.origins)
    defaults = _path_defaults(environ, merged)
    layers.insert(0, Layer(defaults, {}))
    arguments: dict[str, Any] = {_LAYERS: layers}
    try:
        settings = Settings(**arguments)
    except ValidationError as error:
        raise _describe(error, origins) from None
    return Resolved(settings, origins, files, (*unknown, *dotenv_unknown))


def database_exists(url: str) -> bool:
    """False only when an embedded database has not been created yet."""
    return not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///")).exists()


def config_files(environ: Mapping[str, str], cwd: Path) -> dict[str, Path]:
    """Where each file layer is looked for; the files need not exist."""
    home = environ.get(f"{PREFIX}HOME", "")
    user_dir = Path(home).expanduser() if home else PlatformDirs("nightforge", appauthor=False).user_config_path
    project = cwd / PROJECT_FILE
    pyproject = cwd / "pyproject.toml"
    if not project.exists() and pyproject.exists() and "tool" in _read_toml(pyproject):
        tool = _read_toml(pyproject)["tool"]
        if isinstance(tool, dict) and "nightforge" in tool:
            project = pyproject
    return {"user": user_dir / USER_FILE, "project": project, "dotenv": cwd / ".env"}


def _path_defaults(environ: Mapping[str, str], merged: Mapping[str, object]) -> dict[str, object]:
    home = merged.get("home") or PlatformDirs("nightforge", appauthor=False).user_data_path
    absolute = Path(str(home)).expanduser().absolute()
    return {"home": absolute, "database_url": f"sqlite:///{absolute / 'nightforge.db'}"}


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(str(error), where=str(path), hint="mend the TOML at the line named") from None
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(path), hint="mend its permissions") from None


def _file_layer(path: Path, known: set[str]) -> Layer:
    document = _read_toml(path)
    if path.name == "pyproject.toml":
        tool = document.get("tool")
        table = tool.get("nightforge", {}) if isinstance(tool, dict) else {}
        document = table if isinstance(table, dict) else {}
    for name in sorted(SECRETS & document.keys()):
        what = "a key" if name == "api_key" else "a webhook's address or secret"
        raise UserError(
            f"{what} is never read from a settings file, which is easily shared",
            where=str(path),
            hint=f"remove {name} there and set {PREFIX}{name.upper()}, in the environment or in .env",
        )
    for name in document:
        if name not in known:
            raise UserError(
                f"no setting is called {name!r}", where=str(path), hint=f"there is: {', '.join(sorted(known))}"
            )
    return Layer(document, dict.fromkeys(document, str(path)))


def _read_dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        return {name: value for name, value in dotenv_values(path).items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read: {error}", where=str(path), hint="mend its permissions or encoding") from None


def _variables(variables: Mapping[str, str], place: str, known: set[str]) -> tuple[Layer, tuple[str, ...]]:
    """Our variables of one place; empty ones count as not set."""
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    unknown: list[str] = []
    for variable, field in FOREIGN_VARIABLES.items():
        if variables.get(variable):
            values[field] = variables[variable]
            origins[field] = f"{place} {variable}"
    for variable in sorted(variables):
        if not variable.startswith(PREFIX) or not variables[variable]:
            continue
        field = variable.removeprefix(PREFIX).lower()
        if field not in known:
            unknown.append(variable)
            continue
        values[field] = variables[variable]
        origins[field] = f"{place} {variable}"
    return Layer(values, origins), tuple(unknown)


def _refuse_flag_only(layer: Layer) -> None:
    for name, flag in ONLY_BY_FLAG.items():
        if name in layer.values:
            raise UserError(
                f"{name} is never read from a file or the environment",
                where=layer.origins[name],
                hint=f"remove it there and type {flag} with the command that needs it",
            )


def _describe(error: ValidationError, origins: Mapping[str, str]) -> UserError:
    """Field, what is wrong, and which layer said so; never the value, which may be a secret."""
    lines = []
    places = []
    for problem in error.errors(include_url=False, include_input=False):
        field = ".".join(str(part) for part in problem["loc"])
        lines.append(f"{field}: {problem['msg'].removeprefix('Value error, ')}")
        places.append(origins.get(str(problem["loc"][0]) if problem["loc"] else "", ""))
    where = ", ".join(dict.fromkeys(place for place in places if place))
    return UserError("; ".join(lines), where=where, hint="`nightforge config show` lists the fields and their origins")
