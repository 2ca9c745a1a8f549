"""Layers, origins and secrets of the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightforge.errors import UserError
from nightforge.settings import BUILT_IN, Settings, load_settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"NIGHTFORGE_HOME": str(tmp_path / "home")}


def user_file(environ: dict[str, str]) -> Path:
    home = Path(environ["NIGHTFORGE_HOME"])
    home.mkdir(exist_ok=True)
    return home / "config.toml"


def test_built_in_values_need_no_file(project: Path, environ: dict[str, str]) -> None:
    resolved = load_settings(environ=environ, cwd=project)
    assert resolved.settings.database_url == f"sqlite:///{environ['NIGHTFORGE_HOME']}/nightforge.db"
    assert resolved.settings.models == ()
    assert resolved.origins["max_concurrent_calls"] == BUILT_IN
    assert resolved.origins["home"] == "environment NIGHTFORGE_HOME"


def test_each_layer_wins_over_the_one_below(project: Path, environ: dict[str, str]) -> None:
    def seen(flags: dict[str, object] | None = None) -> tuple[float, str]:
        resolved = load_settings(flags, environ=environ, cwd=project)
        return resolved.settings.request_timeout_s, resolved.origins["request_timeout_s"]

    assert seen() == (300.0, BUILT_IN)
    user_file(environ).write_text("request_timeout_s = 1\n")
    assert seen() == (1.0, str(user_file(environ)))
    (project / "nightforge.toml").write_text("request_timeout_s = 2\n")
    assert seen() == (2.0, str(project / "nightforge.toml"))
    (project / ".env").write_text("NIGHTFORGE_REQUEST_TIMEOUT_S=3\n")
    assert seen() == (3.0, f"{project / '.env'} NIGHTFORGE_REQUEST_TIMEOUT_S")
    environ["NIGHTFORGE_REQUEST_TIMEOUT_S"] = "4"
    assert seen() == (4.0, "environment NIGHTFORGE_REQUEST_TIMEOUT_S")
    assert seen({"request_timeout_s": 5.0}) == (5.0, "flag")
    assert seen({"request_timeout_s": None}) == (4.0, "environment NIGHTFORGE_REQUEST_TIMEOUT_S")


def test_pyproject_holds_the_project_layer_where_there_is_no_file_of_ours(
    project: Path, environ: dict[str, str]
) -> None:
    (project / "pyproject.toml").write_text("[tool.nightforge]\nin_flight = 7\n")
    assert load_settings(environ=environ, cwd=project).settings.in_flight == 7
    (project / "nightforge.toml").write_text("in_flight = 8\n")
    assert load_settings(environ=environ, cwd=project).settings.in_flight == 8


def test_foreign_variables_stand_below_ours(project: Path, environ: dict[str, str]) -> None:
    environ |= {"OPENAI_API_KEY": "theirs", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}
    resolved = load_settings(environ=environ, cwd=project)
    assert resolved.settings.api_key is not None
    assert resolved.settings.api_key.get_secret_value() == "theirs"
    assert resolved.origins["base_url"] == "environment OPENAI_BASE_URL"
    environ["NIGHTFORGE_API_KEY"] = "ours"
    resolved = load_settings(environ=environ, cwd=project)
    assert resolved.settings.api_key is not None
    assert resolved.settings.api_key.get_secret_value() == "ours"


def test_a_secret_is_never_shown(project: Path, environ: dict[str, str]) -> None:
    environ |= {
        "NIGHTFORGE_API_KEY": "sk-very-secret",
        "NIGHTFORGE_DATABASE_URL": "postgresql://someone:pass-word@host/db",
    }
    resolved = load_settings(environ=environ, cwd=project)
    shown = [resolved.shown(name) for name in Settings.model_fields]
    assert "(set, not shown)" in shown
    assert "postgresql://someone:***@host/db" in shown
    assert "sk-very-secret" not in f"{shown}{resolved}{resolved.settings!r}"
    assert "pass-word" not in str(shown)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a, b", ["a", "b"]),
        ('["a", "b"]', ["a", "b"]),
        ('[{"model": "a", "input_usd_per_mtok": 1.5, "output_usd_per_mtok": 2}]', ["a"]),
        ("", []),
    ],
)
def test_models_are_names_or_tables(project: Path, environ: dict[str, str], text: str, names: list[str]) -> None:
    environ["NIGHTFORGE_MODELS"] = text
    models = load_settings(environ=environ, cwd=project).settings.models
    assert [model.model for model in models] == names


def test_prices_come_from_a_file(project: Path, environ: dict[str, str]) -> None:
    (project / "nightforge.toml").write_text(
        '[[models]]\nmodel = "local"\ninput_usd_per_mtok = 0\noutput_usd_per_mtok = 0\n'
    )
    (model,) = load_settings(environ=environ, cwd=project).settings.models
    assert (model.input_usd_per_mtok, model.output_usd_per_mtok) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("variable", "value", "field"),
    [
        ("NIGHTFORGE_IN_FLIGHT", "many", "in_flight"),
        ("NIGHTFORGE_IN_FLIGHT", "0", "in_flight"),
        ("NIGHTFORGE_REQUEST_TIMEOUT_S", "-1", "request_timeout_s"),
        ("NIGHTFORGE_MODELS", "[broken", "models"),
        ("NIGHTFORGE_BASE_URL", "ftp://x", "base_url"),
    ],
)
def test_a_bad_variable_is_named_with_its_field(
    project: Path, environ: dict[str, str], variable: str, value: str, field: str
) -> None:
    environ[variable] = value
    with pytest.raises(UserError, match=field) as caught:
        load_settings(environ=environ, cwd=project)
    assert caught.value.where == f"environment {variable}"
    assert caught.value.hint


def test_a_bad_secret_is_not_repeated(project: Path, environ: dict[str, str]) -> None:
    (project / "nightforge.toml").write_text("api_key = [1234567]\n")
    with pytest.raises(UserError) as caught:
        load_settings(environ=environ, cwd=project)
    assert "1234567" not in f"{caught.value}{caught.value.hint}"


def test_broken_toml_names_file_and_line(project: Path, environ: dict[str, str]) -> None:
    (project / "nightforge.toml").write_text("models = []\nin_flight = = 3\n")
    with pytest.raises(UserError, match="line 2") as caught:
        load_settings(environ=environ, cwd=project)
    assert caught.value.where == str(project / "nightforge.toml")


def test_an_unknown_name_in_a_file_is_refused_with_what_there_is(project: Path, environ: dict[str, str]) -> None:
    (project / "nightforge.toml").write_text("inflight = 3\n")
    with pytest.raises(UserError, match="'inflight'") as caught:
        load_settings(environ=environ, cwd=project)
    assert "in_flight" in caught.value.hint


@pytest.mark.parametrize("name", ["user", "project"])
def test_a_key_is_never_read_from_a_settings_file(project: Path, environ: dict[str, str], name: str) -> None:
    path = user_file(environ) if name == "user" else project / "nightforge.toml"
    path.write_text('api_key = "sk-hidden"\n')
    with pytest.raises(UserError, match="never read from a settings file") as caught:
        load_settings(environ=environ, cwd=project)
    assert caught.value.where == str(path)
    assert "sk-hidden" not in f"{caught.value} {caught.value.hint}"


def test_an_unknown_variable_is_reported_not_fatal(project: Path, environ: dict[str, str]) -> None:
    environ["NIGHTFORGE_INFLIGHT"] = "3"
    assert load_settings(environ=environ, cwd=project).unknown_variables == ("NIGHTFORGE_INFLIGHT",)


@pytest.mark.parametrize("place", ["file", "environment", "dotenv"])
def test_the_sandbox_is_never_switched_off_but_by_a_typed_flag(
    project: Path, environ: dict[str, str], place: str
) -> None:
    if place == "file":
        (project / "nightforge.toml").write_text("unsafe_local = true\n")
    elif place == "dotenv":
        (project / ".env").write_text("NIGHTFORGE_UNSAFE_LOCAL=1\n")
    else:
        environ["NIGHTFORGE_UNSAFE_LOCAL"] = "1"
    with pytest.raises(UserError, match="unsafe_local") as caught:
        load_settings(environ=environ, cwd=project)
    assert "--unsafe-local" in caught.value.hint


def test_the_flag_switches_it_off(project: Path, environ: dict[str, str]) -> None:
    assert load_settings({"unsafe_local": True}, environ=environ, cwd=project).settings.unsafe_local


def test_home_moves_every_path(project: Path, environ: dict[str, str]) -> None:
    settings = load_settings(environ=environ, cwd=project).settings
    home = Path(environ["NIGHTFORGE_HOME"])
    assert (settings.home, settings.reports_dir, settings.logs_dir) == (home, home / "reports", home / "logs")


def test_settings_made_by_hand_read_no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NIGHTFORGE_IN_FLIGHT", "99")
    assert Settings(home=tmp_path, database_url="sqlite://").in_flight is None


@pytest.mark.parametrize("name", ["webhook_url", "webhook_secret"])
def test_a_webhook_comes_by_environment_only_and_is_never_shown(tmp_path: Path, name: str) -> None:
    environ = {"NIGHTFORGE_HOME": str(tmp_path), f"NIGHTFORGE_{name.upper()}": "https://hooks.example/hunter2"}
    resolved = load_settings(environ=environ, cwd=tmp_path)
    assert resolved.shown(name) == "(set, not shown)"
    assert "hunter2" not in repr(resolved.settings)
    (tmp_path / "nightforge.toml").write_text(f'{name} = "https://hooks.example/hunter2"\n')
    with pytest.raises(UserError, match="never read from a settings file") as refused:
        load_settings(environ={"NIGHTFORGE_HOME": str(tmp_path)}, cwd=tmp_path)
    assert f"NIGHTFORGE_{name.upper()}" in refused.value.hint


def test_a_webhook_that_is_no_web_address_is_refused_without_showing_it(tmp_path: Path) -> None:
    environ = {"NIGHTFORGE_HOME": str(tmp_path), "NIGHTFORGE_WEBHOOK_URL": "ftp://s3cret"}
    with pytest.raises(UserError, match="webhook_url: must start with http") as refused:
        load_settings(environ=environ, cwd=tmp_path)
    assert "s3cret" not in str(refused.value)
