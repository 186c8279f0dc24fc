"""Check params.yaml as a whole before any other stage works.

Reads   params.yaml
Writes  data/checked.txt, always the same line: every stage that begins a branch depends on it, and none runs again because of it;
        models/sentiment.json: what takes effect where reviews are answered
Run     python -m stages.check_params
"""

from textlstm.core import paths
from textlstm.core.files import write_json, write_text
from textlstm.core.params import load_params
from textlstm.core.stage import run


def main() -> None:
    params = load_params()
    write_text(paths.CHECKED, "params.yaml has been checked\n")
    write_json(paths.SENTIMENT_SETTINGS, {"nbsvm_weight": params.nbsvm.weight})
    print(f"params.yaml: all sections are in order; languages: {', '.join(params.languages)}")


if __name__ == "__main__":
    run(main)
