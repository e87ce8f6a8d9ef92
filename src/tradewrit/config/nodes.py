"""YAML text as nodes that know where they stand, and the sentence for every file that is not one.

Composes, never constructs: no tag in a file can make an object, and a number is still its text.
"""

from pathlib import Path
from typing import Any, Final

import yaml

from tradewrit.errors import ConfigError

_LARGEST: Final = 1_048_576
_IN_NO_FILE: Final = -1
_TAG: Final = "tag:yaml.org,2002:"
NULL: Final = _TAG + "null"
TEXT: Final = _TAG + "str"
BOOL: Final = _TAG + "bool"
_BINARY: Final = _TAG + "binary"


def compose_file(path: Path) -> yaml.Node | None:
    """The document in `path`; None when it holds nothing but blanks and comments.

    Raises ConfigError when the file is missing, a directory, unreadable, too large, not UTF-8, or
    not YAML; the message says where.
    """
    return compose(_text_of(path), str(path))


class _Placeless(yaml.SafeLoader):
    """For text that is no file: a line number would say nothing."""

    def get_mark(self) -> yaml.Mark:
        return _mark(self.name)


def compose(text: str, name: str, *, is_file: bool = True) -> yaml.Node | None:
    """The single document in `text`; `name` is what errors call it. Raises ConfigError."""
    loader: yaml.SafeLoader | None = None
    try:
        loader = yaml.SafeLoader(text) if is_file else _Placeless(text)
        loader.name = name
        node: yaml.Node | None = loader.get_single_node()
        return node
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark and is_file else name
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise ConfigError(f"{where}: not valid YAML: {what}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"{name}:{line}: a control character (U+{error.character:04X}) is not allowed in YAML"
        ) from None
    except RecursionError:
        raise ConfigError(f"{name}: nested too deeply to be a configuration") from None
    finally:
        if loader is not None:
            loader.dispose()


def _text_of(path: Path) -> str:
    data = _bytes_of(path)
    if len(data) > _LARGEST:
        raise ConfigError(f"{path}: larger than {_LARGEST // 1024} KiB; this is no configuration file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from None


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file; examples/config.example.yaml is one to start from"
        ) from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a directory; name the YAML file in it") from None
    except PermissionError:
        raise ConfigError(f"{path}: may not be read; check its permissions") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None


def place_of(node: yaml.Node) -> str:
    """`file:line` of a node, or the environment variable it came from."""
    mark = node.start_mark
    return mark.name if mark.line == _IN_NO_FILE else f"{mark.name}:{mark.line + 1}"


def is_from_file(node: yaml.Node) -> bool:
    """Whether the node stands in a file, not in the environment."""
    return bool(node.start_mark.line != _IN_NO_FILE)


def text_node(text: str, source: str) -> yaml.ScalarNode:
    """A plain scalar that stands in no file; `source` is its place."""
    resolver: Any = yaml.resolver.Resolver()  # its stub leaves this method untyped
    tag = resolver.resolve(yaml.ScalarNode, text, (True, False))
    mark = _mark(source)
    return yaml.ScalarNode(tag, text, mark, mark)


def key_node(key: str, source: str) -> yaml.ScalarNode:
    """A key that stands in no file."""
    mark = _mark(source)
    return yaml.ScalarNode(TEXT, key, mark, mark)


def mapping_node(entries: list[tuple[yaml.Node, yaml.Node]], like: yaml.Node) -> yaml.MappingNode:
    """A mapping of `entries` that stands where `like` stands."""
    return yaml.MappingNode(_TAG + "map", entries, like.start_mark, like.end_mark)


def _mark(source: str) -> yaml.Mark:
    return yaml.Mark(source, 0, _IN_NO_FILE, 0, None, 0)


def is_null(node: yaml.Node) -> bool:
    """Whether the node says nothing: `null`, `~` or an empty place."""
    return isinstance(node, yaml.ScalarNode) and node.tag == NULL


def has_foreign_tag(node: yaml.ScalarNode) -> bool:
    """Whether someone wrote a tag that asks for an object or for bytes."""
    return not node.tag.startswith(_TAG) or node.tag == _BINARY


def is_plain(node: yaml.Node) -> bool:
    """Whether this is a scalar written without quotes."""
    return isinstance(node, yaml.ScalarNode) and node.style is None


def kind_of(node: yaml.Node) -> str:
    """What a person would call it."""
    if isinstance(node, yaml.MappingNode):
        return "a section"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return "nothing" if is_null(node) else repr(_clipped(str(node.value)))


def _clipped(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
