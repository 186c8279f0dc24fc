"""The language detector as MLflow serves it: MLflow runs this file (models from code), so that nothing has to be pickled."""

from pathlib import Path

from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from pydantic import BaseModel

from textlstm.core import paths
from textlstm.detection.detector import load_detector


class Answer(BaseModel):
    """See `textlstm.detection.detector.LanguagePrediction`."""

    language: str | None = None
    reason: str | None = None
    probability: float | None = None
    margin: float | None = None
    log_likelihoods: dict[str, float]
    out_of_set_score: float


class ServedLanguage(PythonModel):
    """Texts in, languages out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the models from the artifacts."""
        self._detector = load_detector(Path(context.artifacts[paths.TABLE.name]).parent)

    def predict(self, model_input: list[str]) -> list[Answer]:  # type: ignore[override]  # MLflow takes the signature from these types
        """The language of each text."""
        return [Answer(**prediction._asdict()) for prediction in self._detector.predict(model_input)]


set_model(ServedLanguage())
