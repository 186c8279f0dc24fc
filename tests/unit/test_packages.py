"""The packages of textlstm: each says in its `__init__.py` what it may import, and imports nothing else of the project."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {path.parent.name: path for path in sorted((ROOT / "textlstm").glob("*/__init__.py"))}


def allowed(package: str) -> set[str]:
    """The packages that a package says it imports, out of the last line of its docstring."""
    docstring = ast.get_docstring(ast.parse(PACKAGES[package].read_text(encoding="utf-8"))) or ""
    said = re.search(r"^Imports: (.+)\.$", docstring, re.MULTILINE)
    assert said, f"textlstm/{package}/__init__.py: expected a line 'Imports: core, nn.' in its docstring"
    return set() if said[1].startswith("nothing") else set(said[1].split(", "))


def imports(package: str) -> set[str]:
    """The other packages that the modules of a package import, wherever the import stands."""
    found: set[str] = set()
    for path in PACKAGES[package].parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path}: a relative import"
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name.split(".")[1] for name in names if name.startswith("textlstm.")}
    return found & set(PACKAGES) - {package}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_what_it_says_and_nothing_else(package: str) -> None:
    assert imports(package) == allowed(package)


def test_no_two_packages_import_each_other() -> None:
    order: list[str] = []
    while len(order) < len(PACKAGES):
        ready = [name for name in PACKAGES if name not in order and allowed(name) <= set(order)]
        assert ready, f"a circle among {sorted(set(PACKAGES) - set(order))}"
        order += ready


def test_running_needs_nothing_but_what_requirements_in_names() -> None:
    """What tests and checks need beside it, requirements-dev.txt, is not installed by `make repro`."""
    named = {
        re.split(r"[>\s[]", line)[0]
        for name in ("requirements.in", "requirements-ray.in")
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
    }
    found: set[str] = set()
    for path in (path for folder in ("textlstm", "stages") for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found |= {name.split(".")[0] for name in [*names, getattr(node, "module", None) or ""]}
    modules = packages_distributions()
    foreign = found - {"", "textlstm", "stages"} - set(sys.stdlib_module_names)
    alike = {  # PEP 503; what is not installed, as the extra `ray`, has the name of its module
        name: {re.sub(r"[-_.]+", "-", each).lower() for each in modules.get(name, [name])} for name in foreign
    }
    unnamed = {name for name in foreign if not named & alike[name]}
    assert not unnamed
