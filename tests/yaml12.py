"""YAML 1.2 for tests, written and read by the library that DVC uses: PyYAML leaves "1e-3" and "0o10" without quotes."""

import io
from typing import Any

from ruamel.yaml import YAML


def dumped(value: Any) -> str:
    """Plain values as YAML 1.2, mappings in their order."""
    form, stream = YAML(typ="safe", pure=True), io.StringIO()
    form.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    form.allow_unicode, form.default_flow_style = True, False
    form.dump(value, stream)
    return stream.getvalue()


def loaded(text: str) -> Any:
    """What DVC reads."""
    return YAML(typ="safe").load(text)
