"""Policies as text: read into a tree and written as API Management shows them.

Two forms. ``xml`` is plain XML. In ``rawxml`` the expressions of C# stand as they are: an attribute
or a text that begins with ``@(`` or ``@{`` keeps its quotation marks, ``<`` and ``&``. What is
shown is always set anew: tabs, CRLF, attributes in double quotes (which blanks: ours).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape

XML, RAW = "xml", "rawxml"
_EOL, _TAB = "\r\n", "\t"
_QUOTES = {'"': "&quot;"}
_IS_EXPRESSION = re.compile(r"\s*@[({]")
_EXPRESSIONS = re.compile(r"(?P<comment><!--.*?-->)|(?:=\s*(?P<quote>[\"'])|>\s*)(?=@[({])", re.S)
_OF_CSHARP = re.compile(
    r'@"(?:[^"]|"")*"|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'|//[^\n]*|/\*.*?\*/|[(\[{]|[)\]}]', re.S
)
_ESCAPED = re.compile(r"&(?:quot|apos|amp|lt|gt|#x?[0-9a-fA-F]+);")


class PolicyError(Exception):
    """What is wrong with a policy, as a sentence that says where."""


@dataclass
class Node:
    """An element. ``children`` are nodes, texts, and comments, which are nodes named ``!``."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)
    line: int = 1
    column: int = 1

    @property
    def elements(self) -> list[Node]:
        """The children that are elements."""
        return [each for each in self.children if isinstance(each, Node) and each.name != _COMMENT]

    @property
    def place(self) -> str:
        """As Azure begins a sentence about it."""
        return f"Error in element '{self.name}' on line {self.line}, column {self.column}:"


_COMMENT = "!"


def parse(text: str, form: str) -> Node:
    """The root element. Raises PolicyError when it is no XML, also for a document type."""
    plain = _with_escapes(text) if form == RAW else text
    reader = _Reader()
    try:
        return reader.read(plain)
    except expat.ExpatError as problem:
        words = expat.errors.messages[problem.code]
        raise PolicyError(
            f"The policy is not a valid XML: {words}. Line {problem.lineno}, position "
            f"{problem.offset + 1}."
        ) from None


def shown(root: Node, form: str) -> str:
    """The tree as text of one of the forms."""
    return _EOL.join(_lines(root, form, 0))


def _lines(node: Node, form: str, depth: int) -> list[str]:
    indent = _TAB * depth
    if node.name == _COMMENT:
        return [f"{indent}<!--{node.children[0]}-->"]
    named = "".join(
        f' {name}="{_value(value, form, _QUOTES)}"' for name, value in node.attributes.items()
    )
    if not node.children:
        return [f"{indent}<{node.name}{named} />"]
    if all(isinstance(each, str) for each in node.children):
        text = _value("".join(map(str, node.children)), form, {})
        return [f"{indent}<{node.name}{named}>{text}</{node.name}>"]
    inner = [
        line
        for each in node.children
        for line in (
            _lines(each, form, depth + 1)
            if isinstance(each, Node)
            else [f"{indent}{_TAB}{_value(each, form, {})}"]
        )
    ]
    return [f"{indent}<{node.name}{named}>", *inner, f"{indent}</{node.name}>"]


def _value(text: str, form: str, more: dict[str, str]) -> str:
    return text if form == RAW and _IS_EXPRESSION.match(text) else escape(text, more)


class _Reader:
    """expat's events as nodes. Blank text between elements is dropped, other text is trimmed."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.ordered_attributes = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.CommentHandler = self._comment
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._top = Node("")
        self._open = [self._top]

    def read(self, text: str) -> Node:
        self._parser.Parse(text, True)
        (root,) = self._top.elements
        return root

    def _start(self, name: str, attributes: list[str]) -> None:
        line, column = self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber
        pairs = zip(attributes[::2], attributes[1::2], strict=True)
        node = Node(name, dict(pairs), [], line, column + 2)
        self._open[-1].children.append(node)
        self._open.append(node)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        if text.strip():
            self._open[-1].children.append(text.strip())

    def _comment(self, text: str) -> None:
        if len(self._open) > 1:
            self._open[-1].children.append(Node(_COMMENT, {}, [text]))

    def _doctype(self, *_declared: object) -> None:
        raise PolicyError("The policy is not a valid XML: For security reasons DTD is prohibited.")


def _with_escapes(text: str) -> str:
    """Raw text as plain XML: what belongs to an expression is escaped."""
    done, at = [], 0
    while found := _EXPRESSIONS.search(text, at):
        done.append(text[at : found.end()])
        at = found.end()
        if found["comment"]:
            continue
        end = _end_of_expression(text, at)
        if _ESCAPED.search(text[at:end]):
            raise PolicyError(
                f"Error in an expression on line {_line(text, at)}: it has escapes of XML; a "
                "rawxml policy has C# as it is."
            )
        if found["quote"] and text[end : end + 1] != found["quote"]:
            raise PolicyError(
                f"The policy is not a valid XML: an attribute goes on behind its expression. Line "
                f"{_line(text, end)}."
            )
        done.append(escape(text[at:end], {'"': "&quot;", "'": "&apos;"}))
        at = end
    return "".join([*done, text[at:]])


def _end_of_expression(text: str, start: int) -> int:
    """Behind the bracket that closes the one behind ``@``; texts and remarks of C# count as one."""
    depth = 0
    for found in _OF_CSHARP.finditer(text, start + 1):
        if found[0] in "([{":
            depth += 1
        elif found[0] in ")]}":
            depth -= 1
            if not depth:
                return found.end()
    raise PolicyError(
        f"Error in an expression on line {_line(text, start)}: its bracket is never closed."
    )


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
