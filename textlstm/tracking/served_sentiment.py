"""The sentiment model as MLflow serves it: MLflow runs this file (models from code), so that nothing has to be pickled."""

from pathlib import Path

from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from pydantic import BaseModel

from textlstm.loading import load_classifier


class Answer(BaseModel):
    """See `textlstm.sentiment.classifier.SentimentPrediction`."""

    sentiment: str | None = None
    probability: float | None = None
    reason: str | None = None


class ServedSentiment(PythonModel):
    """Reviews in, sentiments out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the models from the artifacts."""
        self._classifier = load_classifier(Path(context.artifacts["imdb"]).parent)

    def predict(self, model_input: list[str]) -> list[Answer]:  # type: ignore[override]  # MLflow takes the signature from these types
        """The sentiment of each review."""
        return [Answer(**prediction._asdict()) for prediction in self._classifier.predict(model_input)]


set_model(ServedSentiment())
