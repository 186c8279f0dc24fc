"""The page's server, over HTTP, with tiny models: pages, JSON, files, and what is refused."""

import io
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn

from tests.unit.detection.test_detector import ABC, compile_models, save_models
from tests.unit.sentiment.test_lstm import LABELS, TEXTS, tiny, untrained
from textlstm import __main__ as command
from textlstm.core.files import write_sealed
from textlstm.core.settings import DetectionSettings, SentimentSettings
from textlstm.detection.detector import load_detector
from textlstm.page import app, files
from textlstm.sentiment.nbsvm import NbsvmConfig
from textlstm.sentiment.nbsvm_training import train_nbsvm

PAGES = ["/", "/?text=ab+ccb+good+film", "/file", "/learnt", "/api"]


@pytest.fixture(scope="module")
def models(settings: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for language in ("english", "french"):
        save_models(folder, language, ABC, ABC)
    compile_models(folder, ("english", "french"))
    write_sealed(folder / "detection.json", DetectionSettings(["english", "french"], 0.5, 0.6))
    untrained(tiny(settings)).save(folder / "imdb")
    config = NbsvmConfig(2, 1, 2, 10, True)
    train_nbsvm(TEXTS, LABELS, config, min_reviews=1, strength=1.0, seed=7).save(folder / "nbsvm")
    write_sealed(folder / "sentiment.json", SentimentSettings(0.5, 0.5, 0.55, [], [], []))
    return folder


@pytest.fixture(scope="module")
def address(models: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app.make_app(models), log_level="error"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_nobody_else_and_runs_no_script_of_others(address: str, path: str) -> None:
    found = requests.get(address + path, timeout=30)
    assert found.status_code == 200
    assert "default-src 'none'" in found.headers["Content-Security-Policy"]
    assert "unsafe" not in found.headers["Content-Security-Policy"]
    for attribute in ("src=", 'rel="stylesheet" href='):
        assert all(part[1] == "/" for part in found.text.split(attribute)[1:])
    assert " style=" not in found.text
    assert " onclick=" not in found.text


def test_the_answer_alone_is_a_part_of_the_page(address: str) -> None:
    whole = requests.get(f"{address}/?text=ab+ccb", timeout=30).text
    part = requests.get(f"{address}/?text=ab+ccb&part=answer", timeout=30).text
    assert part.strip() in whole
    assert "<html" not in part
    assert 'id="language-title"' in part
    assert 'id="sentiment-title"' in part


def test_words_that_no_review_has_are_named(address: str) -> None:
    found = requests.get(address, params={"text": "a good quux , a bad Zyzzy , quux"}, timeout=30).text
    assert "for the LSTM to know: <strong>quux, zyzzy</strong>." in found
    assert "for the LSTM to know" not in requests.get(address, params={"text": "a good film"}, timeout=30).text


def test_markup_in_a_text_is_shown_and_not_obeyed(address: str) -> None:
    found = requests.get(address, params={"text": 'a "><script>alert(1)</script> ab', "threshold": 0}, timeout=30).text
    assert "<script>alert" not in found
    assert "&lt;script&gt;alert(1)" in found


def test_one_candidate_is_no_choice(address: str) -> None:
    found = requests.get(address, params={"text": "ab", "language": ["english"]}, timeout=30).text
    assert "Choose two languages or more." in found
    unknown = requests.get(address, params={"text": "ab", "language": ["english", "klingon"]}, timeout=30)
    assert unknown.status_code == 422
    assert "expected some of english, french, got klingon" in unknown.text


def test_the_json_answers_are_those_of_the_models(address: str, models: Path) -> None:
    texts, detector = ["ab", "ccb", "12", "жж"], load_detector(models)
    answers = requests.post(f"{address}/api/language", json={"texts": texts, "threshold": 0.5}, timeout=30).json()
    expected = detector.predict(texts, threshold=0.5)
    assert answers == [
        {"language": one.language, "reason": one.reason, "margin": one.margin, "language_probability": one.probability}
        for one in expected
    ]
    spans = requests.post(f"{address}/api/spans", json={"texts": texts}, timeout=30).json()
    assert spans == [[span._asdict() for span in of_text] for of_text in detector.spans(texts)]
    (sentiment,) = requests.post(f"{address}/api/sentiment", json={"texts": [""]}, timeout=30).json()
    assert sentiment == {"sentiment": None, "sentiment_reason": "no words", "positive_probability": None}
    described = requests.get(f"{address}/openapi.json", timeout=30).json()
    assert {"/api/language", "/api/sentiment", "/api/spans", "/health"} == set(described["paths"])
    assert requests.get(f"{address}/health", timeout=30).json()["status"] == "ok"


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/api/language", {"texts": "ab"}, 422, "texts: Input should be a valid list"),
        ("/api/language", {"texts": ["a" * 5001]}, 422, "at most 5000 characters"),
        ("/api/language", {"texts": ["a"] * 1001}, 422, "at most 1000 items"),
        ("/api/language", {"texts": ["a"], "threshold": 2}, 422, "threshold: "),
        ("/api/language", {"texts": ["a"], "languages": ["english"]}, 422, "expected two or more of english, french"),
        ("/api/nothing", {}, 404, "Not Found"),
        ("/api/spans", {"texts": ["é" * 2_500_000]}, 413, "expected at most 2,000,000 bytes"),
    ],
)
def test_a_bad_question_is_told_what_is_wrong(
    address: str, path: str, body: dict[str, Any], status: int, message: str
) -> None:
    found = requests.post(address + path, json=body, timeout=30)
    assert found.status_code == status
    assert message in found.json()["error"]


def test_bad_addresses_hosts_and_forms_of_other_sites_are_refused(address: str) -> None:
    assert requests.get(f"{address}/nothing", timeout=30).status_code == 404
    assert requests.get(f"{address}/file/{'0' * 32}", timeout=30).status_code == 404
    assert requests.get(f"{address}/file/..%2f..%2fetc", timeout=30).status_code in (404, 422)
    assert requests.get(address, params={"text": "a" * 5001}, timeout=30).status_code == 422
    assert requests.get(address, headers={"Host": "evil.example"}, timeout=30).status_code == 400
    elsewhere = {"Origin": "http://evil.example"}
    sent = requests.post(f"{address}/file", files={"file": ("a.txt", b"ab")}, headers=elsewhere, timeout=30)
    assert sent.status_code == 403


def wait(address: str) -> str:
    """The page of a file when it is no longer being answered."""
    until = time.monotonic() + 60
    while "Being answered" in (page := requests.get(address, timeout=30).text) and time.monotonic() < until:
        time.sleep(0.1)
    return page


@pytest.mark.parametrize("name", ["été 1.csv", "-x.csv", "-.CSV", "../up.csv"])
def test_a_file_comes_back_with_answers(name: str, address: str) -> None:
    sent = requests.post(
        f"{address}/file",
        files={"file": (name, b"id,text\n1,ab\n2,ccb\n")},
        data={"only": "language", "output": ".jsonl"},
        timeout=30,
    )
    assert sent.status_code == 200
    assert "Done." in wait(sent.url)
    answers = requests.get(f"{sent.url}/answers", timeout=30)
    assert re.search(r"answers-\S+\.jsonl", answers.headers["Content-Disposition"])
    rows = [json.loads(line) for line in io.StringIO(answers.text)]
    assert [row["text"] for row in rows] == ["ab", "ccb"]
    assert set(rows[0]) == {"id", "text", "language", "language_probability", "reason"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.exe", b"ab", "expected a name that ends in .txt"),
        ("a.parquet", b"not parquet", "a.parquet"),
        ("a.csv", b"one,two\n1,2\n", "column"),
        ("a.csv.gz", b"not packed", "damaged"),
    ],
)
def test_a_bad_file_is_told_what_is_wrong_with_it(address: str, name: str, content: bytes, message: str) -> None:
    sent = requests.post(f"{address}/file", files={"file": (name, content)}, timeout=30)
    page = wait(sent.url) if sent.status_code == 200 else sent.text
    assert message in page
    assert "Traceback" not in page
    assert "Done." not in page


def test_what_is_no_form_with_a_file_is_refused(address: str) -> None:
    for sent in (
        requests.post(f"{address}/file", data={"only": "language"}, timeout=30),
        requests.post(f"{address}/file", files={"only": (None, "language")}, timeout=30),
    ):
        assert sent.status_code == 422
        assert "expected a f" in sent.text


def test_only_some_files_are_answered_at_a_time(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_AT_ONCE", 0)
    sent = requests.post(f"{address}/file", files={"file": ("a.txt", b"ab")}, timeout=30)
    assert sent.status_code == 422
    assert "Try again when they are done" in sent.text


def test_a_port_that_is_taken_is_told(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert command.main(["page", "--port", str(port), "--models", str(models)]) == 1
    said = capsys.readouterr().err
    assert f"127.0.0.1:{port}: cannot listen there" in said
    assert f"--port {port + 1}" in said
