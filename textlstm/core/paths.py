"""Where the stages find and leave things, relative to the root of the checkout. Nothing else spells a path."""

from pathlib import Path

PARAMS = Path("params.yaml")
SOURCES = Path("data/sources.yaml")

CHECKED = Path("data/checked.txt")
RAW_UDHR = Path("data/raw/udhr")
RAW_WORDS = Path("data/raw/words")
RAW_IMDB = Path("data/raw/imdb.parquet")

DRAWN_WORDS = Path("data/words")
SPLIT_LANGUAGES = Path("data/split/language")
SPLIT_OTHERS = Path("data/split/others")
CALIBRATION = Path("data/calibration")
TRAIN_IMDB = Path("data/split/imdb/train.parquet")
TEST_IMDB = Path("data/split/imdb/test.parquet")
VALIDATION_IMDB = Path("data/split/imdb/validation.parquet")
UNLABELLED_IMDB = Path("data/split/imdb/unlabelled.parquet")

VOCABULARY = Path("data/vectors/characters.json")
LANGUAGE_VECTORS = Path("data/vectors/language")
IMDB_VECTORS = Path("data/vectors/imdb")
TOKENIZER = IMDB_VECTORS / "words.json"
WORD_IDS = IMDB_VECTORS / "reviews.npz"
PRETRAINED_WEIGHTS = IMDB_VECTORS / "pretrained.npz"

MODELS = Path("models")
LANGUAGE_MODELS = Path("models/language")
NGRAM_MODELS = Path("models/ngram")
BACKGROUND_MODEL = Path("models/background")
TABLE = Path("models/table")
ABSTENTION = Path("models/abstention.json")
DETECTION_SETTINGS = Path("models/detection.json")
SENTIMENT_SETTINGS = Path("models/sentiment.json")
IMDB_MODEL = Path("models/imdb")
NBSVM_MODEL = Path("models/nbsvm")
INSTALLED_MODELS = Path(__file__).parents[1] / "models"  # in a wheel; a checkout has none
SHIPPED_MODELS = (TABLE, ABSTENTION, DETECTION_SETTINGS, IMDB_MODEL, NBSVM_MODEL, SENTIMENT_SETTINGS)  # in a wheel

SCORES_LANGUAGE = Path("data/scores/language.npz")
SCORES_IMDB = Path("data/scores/imdb.npz")

METRICS_LANGUAGE = Path("metrics/language.json")
METRICS_IMDB = Path("metrics/imdb.json")
HEADLINE_LANGUAGE = Path("metrics/headline_language.json")
HEADLINE_IMDB = Path("metrics/headline_imdb.json")
TRACKED = Path(".textlstm/tracked.txt")
CURVES = Path("metrics/curves")
PLOTS = Path("metrics/plots")
STUDIES = Path("metrics/studies")
PICTURES = Path("docs/pictures")


def training_text(language: str) -> Path:
    """The part of a language's text that its model learns from."""
    return SPLIT_LANGUAGES / language / "train.txt"


def heldout_text(language: str) -> Path:
    """The part of a language's text that is kept for the test."""
    return SPLIT_LANGUAGES / language / "heldout.txt"


def drawn_words(language: str) -> Path:
    """Words of a language drawn by their frequency, which its model learns from too."""
    return DRAWN_WORDS / f"{language}.txt"


def other_languages(part: str) -> Path:
    """Texts in none of the detector's languages: part "learn", "heldout" or "unseen"."""
    return SPLIT_OTHERS / f"{part}.json"


def calibration_text(language: str) -> Path:
    """The training data of a language on which the detector is calibrated."""
    return CALIBRATION / f"{language}.json"


def language_vectors(language: str) -> Path:
    """The character ids of what a language's models learn from."""
    return LANGUAGE_VECTORS / f"{language}.npz"


def language_model(language: str) -> Path:
    """The folder of a language's LSTM."""
    return LANGUAGE_MODELS / language


def ngram_model(language: str) -> Path:
    """The folder of a language's n-gram model."""
    return NGRAM_MODELS / language


def curve(name: str) -> Path:
    """The loss of each epoch of one training."""
    return CURVES / f"{name}.csv"


def plot(name: str) -> Path:
    """The points of one plot."""
    return PLOTS / f"{name}.csv"
