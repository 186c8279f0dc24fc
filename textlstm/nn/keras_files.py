"""`.keras` files whose bytes depend on the model alone.

Keras writes the date, the addresses of objects and zip times into its files, so that no two are equal. `save` takes
them out; the result is still an ordinary `.keras` file. Does not save optimizers.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import how_to_make, require
from textlstm.nn import unrolled_lstm  # noqa: F401 - saved networks may hold its layer, which an import registers
from textlstm.nn.backend import keras

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_DATE = "1980-01-01@00:00:00"


def save(model: keras.Model, path: Path) -> None:
    """Write `model` to `path` so that an equal model gives equal bytes."""
    raw = path.with_suffix(".raw.keras")
    try:
        keras.Model(model.input, model.output, name=model.name).save(
            raw
        )  # the same layers, but not compiled: no optimizer
        with zipfile.ZipFile(raw) as archive:
            contents = {name: archive.read(name) for name in sorted(archive.namelist())}
    finally:
        raw.unlink(missing_ok=True)
    config = json.loads(contents["config.json"])
    _renumber(config, {})
    contents["config.json"] = json.dumps(config).encode()
    contents["metadata.json"] = json.dumps(json.loads(contents["metadata.json"]) | {"date_saved": _DATE}).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), content)


def load(path: Path) -> keras.Model:
    """Read a `.keras` file in safe mode and without compiling; a missing or broken file is a TextLSTMError."""
    require(path)
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (ValueError, OSError, KeyError, TypeError, zipfile.BadZipFile) as error:
        reason = str(error).strip().splitlines()[0]
        raise TextLSTMError(
            f"{path}: expected a Keras model, got a file that does not load ({reason}). {how_to_make(path)}"
        ) from None


def _renumber(value: Any, numbers: dict[int, int]) -> None:
    """Replace each `shared_object_id`, which is an address, by its rank of appearance."""
    if isinstance(value, dict):
        if "shared_object_id" in value:
            value["shared_object_id"] = numbers.setdefault(value["shared_object_id"], len(numbers))
        for child in value.values():
            _renumber(child, numbers)
    elif isinstance(value, list):
        for child in value:
            _renumber(child, numbers)
