"""Check params.yaml as a whole before any other stage works, and write down what decides answers without any training.

Reads   params.yaml
Writes  data/checked.txt, always the same line: every stage that begins a branch depends on it, and none runs again because of it;
        models/detection.json, the settings that the detector answers with
Run     python -m stages.check_params
"""

from textlstm.core import paths
from textlstm.core.files import write_sealed, write_text
from textlstm.core.params import load_params
from textlstm.core.settings import DetectionSettings
from textlstm.core.stage import run


def main() -> None:
    params = load_params()
    languages = list(params.languages)
    write_text(paths.CHECKED, "params.yaml has been checked\n")
    settings = DetectionSettings(languages, params.ngram.weight, params.abstention.threshold)
    write_sealed(paths.DETECTION_SETTINGS, settings)
    print(f"params.yaml: all sections are in order; languages: {', '.join(languages)}")


if __name__ == "__main__":
    run(main)
