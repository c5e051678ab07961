import json
import socket
from pathlib import Path

from tests.cli.conftest import Run
from tests.peers.scripts import ScriptedModel, rule
from tests.servers import INSTANT
from tests.speech.turn_models import save_model


def test_what_is_well_is_said_and_tried(run: Run, free_port: int) -> None:
    report = json.loads(run("doctor", "--json", SOTTOVOCE_PORT=str(free_port), **INSTANT).out)
    verdicts = {each["what"]: each["verdict"] for each in report["findings"]}
    says = {each["what"]: each["says"] for each in report["findings"]}
    assert report["well"] is True
    assert verdicts.pop("microphone") in {"ok", "note"}
    assert verdicts.pop("lockdown: memory_locked") in {"ok", "note"}
    given_up = {what: verdicts.pop(what) for what in list(verdicts) if what.startswith("lockdown: ")}
    assert set(given_up.values()) == {"ok"}
    assert len(given_up) == 5
    assert set(verdicts) == {"Python", "cores", "port", "synthesiser", "recogniser"}
    assert set(verdicts.values()) == {"ok"}
    assert "1.0 s" in says["synthesiser"]
    assert "hello world" in says["recogniser"]


def test_every_setting_is_shown_with_its_origin(run: Run, tmp_path: Path) -> None:
    (tmp_path / "sottovoce.toml").write_text("grace_seconds = 12\nport = 1111\n")
    report = json.loads(run("doctor", "--json", SOTTOVOCE_PORT="0", **INSTANT).out)
    settings = {each["name"]: (each["value"], each["origin"]) for each in report["settings"]}
    assert settings["port"] == (0, "SOTTOVOCE_PORT")
    assert settings["grace_seconds"] == (12.0, "sottovoce.toml")
    assert settings["host"] == ("127.0.0.1", "default")


def test_what_is_missing_is_1_and_the_rest_is_tried_all_the_same(run: Run) -> None:
    doctor = run("doctor", SOTTOVOCE_PORT="0", SOTTOVOCE_RECOGNISER="nonesuch:", SOTTOVOCE_SYNTHESISER="instant:")
    assert doctor.code == 1
    assert "missing" in doctor.out
    assert "There is no engine named nonesuch" in doctor.out
    assert "instant spoke for 1.0 s" in doctor.out


def test_of_a_chain_each_engine_is_tried_and_one_that_works_is_enough(run: Run) -> None:
    chain = {"SOTTOVOCE_PORT": "0", "SOTTOVOCE_RECOGNISER": "nonesuch: instant:", "SOTTOVOCE_SYNTHESISER": "instant:"}
    doctor = run("doctor", "--json", **chain)
    verdicts = {each["what"]: each["verdict"] for each in json.loads(doctor.out)["findings"]}
    assert (verdicts["recogniser 1 of 2"], verdicts["recogniser 2 of 2"]) == ("note", "ok")
    assert doctor.code == 0
    none = run("doctor", "--json", **chain | {"SOTTOVOCE_RECOGNISER": "nonesuch: neither:"})
    verdicts = {each["what"]: each["verdict"] for each in json.loads(none.out)["findings"]}
    assert (verdicts["recogniser 1 of 2"], verdicts["recogniser 2 of 2"]) == ("missing", "missing")
    assert none.code == 1


def test_the_engine_that_judges_ends_of_turns_is_tried(run: Run, tmp_path: Path) -> None:
    model = save_model(tmp_path / "model.onnx", bias=10.0)
    url = f"smart-turn:{model}"
    doctor = run("doctor", "--json", SOTTOVOCE_PORT="0", SOTTOVOCE_END_OF_TURN=url, **INSTANT)
    says = {each["what"]: (each["verdict"], each["says"]) for each in json.loads(doctor.out)["findings"]}
    assert says["end of turn"] == ("ok", "smart-turn takes the sentence for finished by 100%")
    gone = run("doctor", "--json", SOTTOVOCE_PORT="0", SOTTOVOCE_END_OF_TURN=url + "x", **INSTANT)
    (finding,) = [each for each in json.loads(gone.out)["findings"] if each["what"] == "end of turn"]
    assert finding["verdict"] == "missing"
    assert "is not there" in finding["says"]
    assert gone.code == 1


def test_a_taken_port_is_a_note(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        doctor = run("doctor", "--json", SOTTOVOCE_PORT=str(taken.getsockname()[1]), **INSTANT)
    (port,) = [each for each in json.loads(doctor.out)["findings"] if each["what"] == "port"]
    assert port["verdict"] == "note"
    assert doctor.code == 0


def test_settings_that_cannot_be_used_are_2(run: Run) -> None:
    doctor = run("doctor", SOTTOVOCE_PORT="many")
    assert doctor.code == 2
    assert "port" in doctor.out
    assert "Traceback" not in doctor.err


def test_lockdown_that_is_off_is_a_note(run: Run) -> None:
    report = json.loads(run("doctor", "--json", SOTTOVOCE_PORT="0", SOTTOVOCE_LOCKDOWN="off", **INSTANT).out)
    (lockdown,) = [each for each in report["findings"] if each["what"].startswith("lockdown")]
    assert lockdown["verdict"] == "note"
    assert "SOTTOVOCE_LOCKDOWN=on" in lockdown["says"]


def test_a_language_model_is_asked(run: Run, scripted: ScriptedModel) -> None:
    scripted.plays(rule("Say the word", ["Yes."]))
    report = json.loads(run("doctor", "--json", SOTTOVOCE_PORT="0", SOTTOVOCE_MODEL=scripted.url, **INSTANT).out)
    assert report["well"] is True
    (model,) = [each for each in report["findings"] if each["what"] == "model"]
    assert model["verdict"] == "ok"
    assert "answered within" in model["says"]


def test_a_language_model_that_does_not_answer_is_missing_and_the_rest_is_tried(
    run: Run, scripted: ScriptedModel
) -> None:
    scripted.plays(rule("Say the word", [{"status": 401}]))
    for url, says in ((scripted.url, "refuses: status 401"), ("openai+http://h/v1", "model is missing")):
        doctor = run("doctor", SOTTOVOCE_PORT="0", SOTTOVOCE_MODEL=url, **INSTANT)
        assert doctor.code == 1
        assert says in " ".join(doctor.out.split())
        assert "instant spoke for 1.0 s" in doctor.out
