"""The table asked about texts as they come: the quick ways give what the models of the table give, one text at a time."""

import dataclasses
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textlstm.core.text import as_whole, clean
from textlstm.detection import table_reader
from textlstm.detection.abstention import Abstention
from textlstm.detection.background import FOREIGN, Background
from textlstm.detection.detector import BACKGROUND, Detector, ModelReader, table_models
from textlstm.detection.distillation import distil
from textlstm.detection.evidence import evidence_of, text_evidence
from textlstm.detection.table_reader import TableReader
from textlstm.language.ngram import NgramModel
from textlstm.language.vocabulary import UNKNOWN, Vocabulary

ENGLISH = "the cat isn't on the mat, and the dog sat on the log; it's late. "
FRENCH = "l'été est là, le chat n'est pas sur le tapis et où est le chien? "
ALL = Vocabulary.learn([ENGLISH, FRENCH])
# With no id for spaces and apostrophes, and with combining marks of its own.
BARE = Vocabulary(
    tuple(sorted({*(character for character in ALL.characters if character.isalpha()), "\u0323", "\u093e"}))
)
# Pieces of texts that need no cleaning, that need some, and that only look as if they did.
PIECES = (
    "the ", "chat", "l'", "l’été", "L'EAU", " ", "  ", "\n", "\u00a0", "é", "e\u0301", "İ", "ΑΣ", "ß", "ж", "привет",
    "東京", "\u0323", "\u093e", "ж\u0323", "\ufe0f", "⭐", "👩\u200d👧", "\ud800", "\x00", "7", "1er", "a7",
    "9f86d081884c", "1/2", "0d1f-3c9e", "7-", "-8a",
    "3.14", ".", "...", "!", "? ", " .", ", ;", "''", "'", "’", '"', "(", ")", "-", "--", "_",
    "www.", "WWW.a.fr", "http://x.org", "x@y.org", "@a", "#a", "<b>", "&eacute;", "&", "Ａ", "ﬁ",
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=30), st.lists(st.sampled_from(PIECES), max_size=8).map("".join))


def reader(vocabulary: Vocabulary) -> TableReader:
    languages = {
        name: NgramModel.learn(vocabulary.encode(text * 3), vocabulary, 5)
        for name, text in (("english", ENGLISH), ("french", FRENCH))
    }
    background = Background.learn(
        ["der hund ist auf dem bett", "на столе кот", "à ô"], vocabulary, order=3, characters=99
    )
    table = distil(languages, list(languages.values()), (BACKGROUND, background.model), order=5, min_count=1, steps=256)
    return TableReader(table)


READERS = {"all": reader(ALL), "bare": reader(BARE)}
ABSTENTION = Abstention(foreign=-7.5, lengths=[1, 5, 10], limits=[2.0, 3.0, 4.5], costs=[4.0, 3.5, 3.0])


@pytest.mark.parametrize("name", READERS)
@given(texts=st.lists(TEXTS, max_size=6))
def test_many_texts_at_once(name: str, texts: list[str]) -> None:
    table = READERS[name].table
    models, background = table_models(table)
    expected = text_evidence(models, background, [as_whole(clean(text)) for text in texts])
    for found, wanted in zip(READERS[name].evidence(texts), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-9)


@pytest.mark.parametrize("name", READERS)
@given(text=TEXTS)
def test_one_text_is_read_as_many_are(name: str, text: str) -> None:
    evidence = READERS[name].evidence([text])
    *sums, known, foreign, foreign_words, letters = READERS[name].one(text)
    steps = READERS[name].table.steps
    assert [total / steps for total in sums] == [*evidence.log_likelihoods[0], evidence.background[0]]
    counts = (evidence.known, evidence.foreign, evidence.foreign_words, evidence.letters)
    assert [known, foreign, foreign_words, letters] == [int(count[0]) for count in counts]


def test_ids_are_those_of_the_cleaned_text() -> None:
    table = READERS["all"].table
    texts = ["The  CAT!", "", "l'", " … ", "où? ж7"]
    ids = READERS["all"].ids(texts)
    parts = np.split(ids, np.flatnonzero(ids == 0))[1:]
    for text, part in zip(texts, parts, strict=True):
        encoded = table.vocabulary.encode(as_whole(clean(text)))
        found = np.where(part[1:] == table.foreign, UNKNOWN, part[1:])
        np.testing.assert_array_equal(found, encoded)
    assert table.foreign in parts[-1]


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [*PIECES, *("".join(PIECES[begin : begin + 3]) for begin in range(len(PIECES)))]
    whole = READERS["all"].evidence(texts)
    monkeypatch.setattr(table_reader, "_AT_ONCE", 40)
    for one, other in zip(READERS["all"].evidence(texts), whole, strict=True):
        np.testing.assert_array_equal(one, other)
    for size in (1, 2, 3, 7, 64):
        monkeypatch.setattr(table_reader, "_PART", size)
        for one, other in zip(READERS["all"].evidence(texts), whole, strict=True):
            np.testing.assert_array_equal(one, other)


def test_steps_that_are_forgotten_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_reader, "_KEPT", 5)
    forgetful = TableReader(READERS["all"].table)
    for text in PIECES * 2:
        assert forgetful.one(text) == READERS["all"].one(text)


def detector(name: str = "all", *, exact: bool = False) -> Detector:
    table = READERS[name].table
    asked = ModelReader(*table_models(table)) if exact else READERS[name]
    return Detector(table.columns[:-1], asked, ABSTENTION, 0.6)


MANY = [
    *PIECES,
    "the cat",
    "le chat est là",
    "qsdf kjhg wxcv",
    "the cat привет",
    "привет the кот",
    "???",
    "12 34",
    "the dog sat 東京 on the log",
]


@pytest.mark.parametrize(
    "options", [{}, {"languages": ["french", "english"]}, {"threshold": 0.0}, {"threshold": 0.999}]
)
def test_a_text_alone_gets_the_answer_that_it_gets_among_many(options: dict[str, object]) -> None:
    among = detector().predict(MANY, **options)
    assert [detector().predict([text], **options)[0] for text in MANY] == among
    reasons = {answer.reason for answer in among}
    if options.get("threshold") == 0.0:
        assert reasons == {None, "no letters"}
    else:
        assert reasons >= {None, "no letters", "out of set"}


def test_a_text_alone_is_no_language_where_it_is_among_many() -> None:
    lenient = dataclasses.replace(
        detector(), abstention=dataclasses.replace(ABSTENTION, limits=[99.0] * 3, costs=[1.0] * 3)
    )
    among = lenient.predict(MANY)
    assert [lenient.predict([text])[0] for text in MANY] == among
    assert {answer.reason for answer in among} >= {None, "no letters", "no language"}


def test_records_and_arrays_say_the_same() -> None:
    answers = detector().answers(MANY)
    for row, record in enumerate(detector().predict(MANY)):
        assert (answers.language[row], answers.reason[row]) == (record.language, record.reason)
        for array, value in ((answers.margin, record.margin), (answers.probability, record.probability)):
            assert np.isnan(array[row]) if value is None else array[row] == value
        assert answers.out_of_set_score[row] == record.out_of_set_score


def test_the_models_of_the_table_give_its_answers() -> None:
    for one, other in zip(detector().predict(MANY), detector(exact=True).predict(MANY), strict=True):
        assert (one.language, one.reason) == (other.language, other.reason)
        assert one.margin == pytest.approx(other.margin)


def test_a_text_that_is_longer_than_any_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("core.text", "detection.evidence"):
        monkeypatch.setattr(f"textlstm.{module}.LONGEST", 8)
    texts = ["the cat", "le chat est là, où?", "", "привет кот привет"]
    pieces = [["the cat"], ["le chat ", "est là, ", "où?"], [""], ["привет ", "кот ", "привет"]]
    read: list[int] = []
    whole = TableReader.evidence
    monkeypatch.setattr(TableReader, "evidence", lambda self, some: read.extend(map(len, some)) or whole(self, some))
    found = evidence_of(READERS["all"], texts)
    assert max(read) <= 8
    for column, name in zip(found, found._fields, strict=True):
        expected = [sum(getattr(whole(READERS["all"], [piece]), name)[0] for piece in of) for of in pieces]
        np.testing.assert_array_equal(column, np.array(expected))


def test_threads_and_pickles_change_nothing() -> None:
    shared = detector()
    expected = shared.predict(MANY)
    with ThreadPoolExecutor(8) as pool:
        fresh = Detector(shared.languages, TableReader(READERS["all"].table), ABSTENTION, 0.6)
        assert list(pool.map(lambda text: fresh.predict([text])[0], MANY * 5)) == expected * 5
        assert list(pool.map(lambda _: fresh.predict(MANY), range(8))) == [expected] * 8
    assert pickle.loads(pickle.dumps(shared)).predict(MANY) == expected  # noqa: S301 - its own
    assert len(pickle.dumps(shared)) < 2 * shared.reader.table.nbytes  # type: ignore[attr-defined]


def test_foreign_words_begin_where_no_foreign_letter_or_mark_stands_before() -> None:
    text = f"the ж\u0323ж {FOREIGN} ж7ж cat"
    assert READERS["all"].evidence([text]).foreign_words.tolist() == [3]
