"""YAML, read as DVC reads it: YAML 1.2 through ruamel.yaml, and within limits.

The pipeline has two readers of `params.yaml`, DVC and the stages, which must find the same values in it: 010 is ten, 5e-05
a number, yes a word. What would take either of them without end (aliases of aliases, deep nesting, a huge file), and
what means nothing as a parameter, is refused with its line. Does not know what the keys mean: see
`textlstm.core.config`.
"""

import functools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import Node, ScalarNode
from ruamel.yaml.reader import ReaderError

from textlstm.core.errors import TextLSTMError
from textlstm.core.files import read_text

LARGEST = 1 << 19  # bytes
DEEPEST = 32  # mappings and lists in one another
MOST = 20_000  # keys and values, those that an alias or a merge repeats counted again
_DIGITS = 300  # of a whole number; no float holds more
_LONGEST = 300  # characters of a message
_SPECIAL = ("tag:yaml.org,2002:merge", "tag:yaml.org,2002:value")  # << and =
_INT = "tag:yaml.org,2002:int"

# What ruamel.yaml lets through when a value is not what its form or tag promises, such as 2001-99-99 or !!bool maybe.
_UNFIT = (ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError)

T = TypeVar("T")


def read_yaml(path: Path) -> Any:
    """What a YAML file holds; None if it is empty.

    Raises:
        TextLSTMError: it is missing or too large, is no YAML, names a key twice in one mapping, nests or repeats too
            much, or has a value of another kind than YAML's own.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise TextLSTMError(f"{path}: expected a file, got a device or a pipe")
    if path.is_file() and (size := path.stat().st_size) > LARGEST:
        raise TextLSTMError(f"{path}: expected at most {LARGEST:,} bytes of YAML, got {size:,}. Is it another file?")
    return parse_yaml(read_text(path), str(path))


def parse_yaml(text: str, where: str) -> Any:
    """What YAML holds; `where` begins the message. Raises as `read_yaml` does."""
    if len(text) > LARGEST:
        raise TextLSTMError(f"{where}: expected at most {LARGEST:,} characters of YAML, got {len(text):,}")
    form = YAML(typ="safe", pure=True)
    form.Composer, form.Constructor = _Composer, _Constructor
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "In YAML 1.1 floating point values should have a dot"
            return form.load(text)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"a character that may not stand in it (0x{error.character:04x}), line {line}"
    except MarkedYAMLError as error:
        problem = _told(error)
    except (YAMLError, *_UNFIT) as error:
        problem = f"{error or type(error).__name__}, at the start of it or in a directive, line 1"
    raise TextLSTMError(f"{where}: expected YAML: {' '.join(problem.split())}") from None


def _told(error: MarkedYAMLError) -> str:
    """What is wrong, and the line and column of it."""
    words = " ".join(f"{error.context or ''} {error.problem or ''}".split())
    mark = error.problem_mark or error.context_mark
    place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{words if len(words) <= _LONGEST else words[:_LONGEST] + '…'}{place}"


class _Composer(Composer):
    """Counts what a document holds while its nodes are made, aliases as what they stand for."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader=loader)
        self.warn_double_anchors = False
        self._count = 0
        self._level = self._height = 0  # of the node that is made, and how far below the top its deepest part was
        self._named: dict[str, tuple[int, int]] = {}  # nodes in what an anchor names, and levels

    def compose_node(self, parent: Any, index: Any) -> Any:
        """A node, or what an alias stands for."""
        event = self.parser.peek_event()
        if self.parser.check_event(AliasEvent):
            if event.anchor in self.anchors and event.anchor not in self._named:
                raise ComposerError(None, None, f"the alias {event.anchor!r} stands in what it names", event.start_mark)
            count, levels = self._named.get(event.anchor, (0, 0))
            self._add(count, levels, event)
            return super().compose_node(parent, index)
        if event.anchor is not None:
            self._named.pop(event.anchor, None)
        before, height = self._count, self._height
        self._add(1, 1, event)
        self._level += 1
        self._height = self._level
        node = super().compose_node(parent, index)
        self._level -= 1
        if event.anchor is not None:
            self._named[event.anchor] = self._count - before, self._height - self._level
        self._height = max(self._height, height)
        return node

    def _add(self, count: int, levels: int, event: Any) -> None:
        self._count += count
        self._height = max(self._height, self._level + levels)
        if self._count > MOST:
            problem = f"more than {MOST:,} keys and values, those that aliases repeat counted again"
            raise ComposerError(None, None, problem, event.start_mark)
        if self._level + levels > DEEPEST:
            raise ComposerError(None, None, f"more than {DEEPEST} levels in one another", event.start_mark)


class _Constructor(SafeConstructor):
    """Values as DVC gets them; an unfit one is an error with its place."""

    def __init__(self, preserve_quotes: bool | None = None, loader: Any = None) -> None:
        super().__init__(preserve_quotes=preserve_quotes, loader=loader)
        self._flattened: set[int] = set()

    def construct_non_recursive_object(self, node: Node, tag: str | None = None) -> Any:
        """The value of a node."""
        if node.tag == _INT and isinstance(node, ScalarNode) and len(node.value) > _DIGITS:
            raise ConstructorError(None, None, f"a number of more than {_DIGITS} digits", node.start_mark)
        return _placed(node, lambda: super(_Constructor, self).construct_non_recursive_object(node, tag))

    def construct_mapping(self, node: Node, deep: bool = False) -> Any:
        """The keys and values of a mapping."""
        return _placed(node, lambda: super(_Constructor, self).construct_mapping(node, deep))

    def flatten_mapping(self, node: Node) -> None:
        """Lay merged mappings under a mapping; before that, raise for a key of its own that stands in it twice."""
        if id(node) not in self._flattened:
            self._flattened.add(id(node))
            keys: set[Any] = set()
            for key_node in (one for one, _ in node.value if one.tag not in _SPECIAL):
                key = _placed(key_node, functools.partial(self._key, key_node))
                if key in keys:
                    problem = f"{key!r} stands twice in one mapping: name it once"
                    raise ConstructorError(None, None, problem, key_node.start_mark)
                keys.add(key)
        super().flatten_mapping(node)

    def _key(self, node: Node) -> Any:
        key = self.construct_object(node, deep=True)
        key = tuple(key) if isinstance(key, list) else key
        hash(key)
        return key


def _placed(node: Node, make: Callable[[], T]) -> T:
    try:
        return make()
    except _UNFIT as error:
        if isinstance(error, MarkedYAMLError):
            raise
        problem = f"a value that cannot be read ({error or type(error).__name__})"
        raise ConstructorError(None, None, problem, node.start_mark) from None
