"""A notebook's parameters: what its ``parameters`` cell declares, and whether what was given fits.

A declaration is an assignment at the top level of the first cell tagged ``parameters``::

    lr = 0.1                  # a float, because its default is one
    epochs: int               # no value: it has to be given
    name = None               # required: whose data            (likewise)
    token = ""                # secret: masked in everything that is kept
    key: SecretStr = ""       # likewise
    mode: Literal["a", "b"] = "a"
"""

from __future__ import annotations

import ast
import difflib
import io
import keyword
import os
import re
import tokenize
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jupyter_aml.errors import ParameterException

UNKNOWN = "--allow-unknown, with papermill JUPYTER_AML_ALLOW_UNKNOWN=1,"
"""How people let unknown parameters through."""
PATHS = frozenset({"PAPERMILL_INPUT_PATH", "PAPERMILL_OUTPUT_PATH"})
"""What papermill's --inject-paths adds; never unknown."""

_NAME = re.compile(r"[^\W\d]\w*\Z")
_R_NAME = re.compile(r"[^\W\d_.][\w.]*\Z|\.[^\W\d][\w.]*\Z")
_NOTE = re.compile(r"#\s*(?:type:\s*(?P<type>[^\s#]+)\s*)?(?P<word>secret|required)?\b", re.IGNORECASE)
_PLAIN: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
    "list": (list, tuple),
    "List": (list, tuple),
    "tuple": (list, tuple),
    "Tuple": (list, tuple),
    "Sequence": (list, tuple),
    "dict": (dict,),
    "Dict": (dict,),
    "Mapping": (dict,),
    "None": (type(None),),
    "SecretStr": (str,),
}
_SECRET_TYPES = frozenset({"Secret", "SecretStr", "SecretBytes"})


@dataclass(frozen=True, slots=True)
class Takes:
    """Which values fit."""

    kinds: tuple[type, ...] = ()
    """Empty: any."""
    choices: tuple[Any, ...] = ()
    text: str = "any value"

    def fits(self, value: Any) -> bool:
        """Whether the value is of these kinds (True is no int here) and one of the choices."""
        if self.choices:
            return any(value == choice and type(value) is type(choice) for choice in self.choices) or (
                value is None and type(None) in self.kinds
            )
        if not self.kinds:
            return True
        return (bool in self.kinds) if isinstance(value, bool) else isinstance(value, self.kinds)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declaration."""

    name: str
    takes: Takes = field(default_factory=Takes)
    default: str = ""
    """Its source; empty when there is none."""
    required: bool = False
    secret: bool = False
    help: str = ""

    def __str__(self) -> str:
        kind = self.takes.text if self.takes.kinds or self.takes.choices else ""
        inside = ", ".join(part for part in (kind, "required" if self.required else f"default {self.default}") if part)
        return f"{self.name} ({inside})"


# -- what is declared --------------------------------------------------------------------------------------------------
def declared(source: str, language: str = "python") -> list[Parameter] | None:
    """The declarations of a parameters cell; None where the language's cells cannot be read."""
    if language.lower() not in ("python", "ipython", "python3"):
        return _by_papermill(source, language)
    plain = "\n".join("" if line.lstrip().startswith(("%", "!", "?")) else line for line in source.splitlines())
    try:
        tree = ast.parse(plain)
        notes = _notes(plain)
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError):
        return _by_papermill(source, language)
    found: dict[str, Parameter] = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            pairs: list[tuple[str, ast.expr | None]] = [(node.target.id, node.value)]
            annotation: ast.expr | None = node.annotation
        elif isinstance(node, ast.Assign):
            pairs, annotation = [pair for target in node.targets for pair in _targets(target, node.value)], None
        else:
            continue
        note = notes.get(node.end_lineno or node.lineno, "")
        for name, value in pairs:
            found[name] = _parameter(name, value, annotation, note)
    return list(found.values())


def _parameter(name: str, value: ast.expr | None, annotation: ast.expr | None, note: str) -> Parameter:
    match = _NOTE.match(note)
    word = ((match and match["word"]) or "").lower()
    if annotation is None and match and match["type"]:
        annotation = _expression(match["type"])
    takes = _takes(annotation) if annotation is not None else _takes_default(value)
    if value is not None and isinstance(value, ast.Constant) and value.value is None and takes.kinds:
        takes = Takes((*takes.kinds, type(None)), takes.choices, takes.text)
    return Parameter(
        name=name,
        takes=takes,
        default="" if value is None else ast.unparse(value)[:60],
        required=value is None or word == "required",
        secret=word == "secret" or (annotation is not None and _names(annotation) & _SECRET_TYPES != set()),
        help=note.lstrip("# "),
    )


def _targets(target: ast.expr, value: ast.expr) -> list[tuple[str, ast.expr | None]]:
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    if isinstance(target, ast.Tuple | ast.List):
        values: Sequence[ast.expr] = value.elts if isinstance(value, ast.Tuple | ast.List) else ()
        fits = len(values) == len(target.elts)
        unknown = ast.Name("…")
        return [pair for i, t in enumerate(target.elts) for pair in _targets(t, values[i] if fits else unknown)]
    return []


def _notes(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


def _expression(text: str) -> ast.expr | None:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _names(node: ast.AST) -> set[str]:
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return names | {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}


def _takes(annotation: ast.expr) -> Takes:
    """Which values an annotation lets through; one that we do not know lets all."""
    text = ast.unparse(annotation)
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        inner = _expression(annotation.value)
        return _takes(inner) if inner is not None else Takes()
    if isinstance(annotation, ast.Constant) and annotation.value is None:
        return Takes((type(None),), (), "None")
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return _either([_takes(annotation.left), _takes(annotation.right)], text)
    head = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    name = head.attr if isinstance(head, ast.Attribute) else head.id if isinstance(head, ast.Name) else ""
    if isinstance(annotation, ast.Subscript):
        inside = annotation.slice
        parts = list(inside.elts) if isinstance(inside, ast.Tuple) else [inside]
        if name == "Optional":
            return _either([*map(_takes, parts), Takes((type(None),))], text)
        if name == "Union":
            return _either([*map(_takes, parts)], text)
        if name in ("Annotated", "Final", "Secret"):
            return _takes(parts[0])
        if name == "Literal":
            try:
                choices = tuple(ast.literal_eval(part) for part in parts)
            except ValueError:
                return Takes()
            return Takes((), choices, f"one of {', '.join(map(repr, choices))}")
    return Takes(_PLAIN[name], (), text) if name in _PLAIN else Takes()


def _either(several: Sequence[Takes], text: str) -> Takes:
    if any(not t.kinds and not t.choices for t in several):
        return Takes()
    if any(t.choices for t in several):
        kinds = tuple(kind for t in several for kind in t.kinds)
        if set(kinds) <= {type(None)}:
            return Takes(kinds, tuple(c for t in several for c in t.choices), text)
        return Takes()
    return Takes(tuple(kind for t in several for kind in t.kinds), (), text)


def _takes_default(value: ast.expr | None) -> Takes:
    if value is None:
        return Takes()
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in _PLAIN:
        return Takes(_PLAIN[value.func.id], (), value.func.id)
    if isinstance(value, ast.JoinedStr):
        return Takes((str,), (), "str")
    kind: type
    if isinstance(value, ast.List | ast.ListComp):
        kind = list
    elif isinstance(value, ast.Dict | ast.DictComp):
        kind = dict
    else:
        try:
            kind = type(ast.literal_eval(value))
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return Takes()
    return Takes(_PLAIN[kind.__name__], (), kind.__name__) if kind.__name__ in _PLAIN else Takes()


def _by_papermill(source: str, language: str) -> list[Parameter] | None:
    """Names only, for other languages and for cells that are not plain Python."""
    from nbformat import NotebookNode
    from papermill.exceptions import PapermillException
    from papermill.translators import papermill_translators

    try:
        found = papermill_translators.find_translator("", language).inspect(NotebookNode(source=source))
    except (NotImplementedError, PapermillException):
        return None
    return [
        Parameter(p.name, default=p.default, secret=p.help.lower().startswith("secret"), help=p.help) for p in found
    ]


# -- what is given -----------------------------------------------------------------------------------------------------
def check_name(name: object, language: str = "python") -> str:
    """A parameter's name, if it can be one: papermill writes it into code as it stands.

    Raises:
        ParameterException: not a plain name of the language, a keyword, or with two underscores around it.
    """
    fits = isinstance(name, str) and (_R_NAME if language.lower() == "r" else _NAME).match(name) is not None
    if fits and language.lower() not in ("r", "scala", "c#", "f#", "powershell", "bash", "matlab"):
        fits = str(name).isidentifier()
    if not fits:
        raise ParameterException(
            f"{_short(name)} cannot be a parameter's name: a name is letters, digits and underscores, "
            "and does not begin with a digit. Nothing was executed."
        )
    plain = unicodedata.normalize("NFKC", str(name))
    if keyword.iskeyword(plain):
        raise ParameterException(f"{name!r} cannot be a parameter's name: it is a keyword. Nothing was executed.")
    if plain.startswith("__") and plain.endswith("__"):
        raise ParameterException(
            f"{name!r} cannot be a parameter's name: names with two underscores around them are Python's own. "
            "Nothing was executed."
        )
    return str(name)


def unknown_allowed() -> bool:
    """Whether the environment lets unknown parameters through."""
    return os.environ.get("JUPYTER_AML_ALLOW_UNKNOWN", "") not in ("", "0")


def check(
    given: Mapping[str, Any],
    known: Collection[Parameter] | None,
    *,
    language: str = "python",
    allow_unknown: bool = False,
    has_cell: bool = True,
) -> None:
    """Refuse parameters that do not fit the declarations.

    Args:
        given: name → value.
        known: from `declared`; None where the cell cannot be read (then only the names are checked).
        language: of the notebook.
        allow_unknown: names that are not declared are let through.
        has_cell: whether there is a cell tagged ``parameters`` at all.

    Raises:
        ParameterException: a name that cannot be one, is unknown or missing, or a value of another type.
    """
    for name in given:
        check_name(name, language)
    if known is None:
        return
    by_name = {unicodedata.normalize("NFKC", p.name): p for p in known}
    values = {unicodedata.normalize("NFKC", name): value for name, value in given.items()}
    listing = f"Valid: {'; '.join(map(str, known))}." if known else "It declares none."
    unknown = [name for name in values if name not in by_name and name not in PATHS]
    if unknown and not allow_unknown:
        if not has_cell:
            raise ParameterException(
                f"The notebook has no cell tagged 'parameters', so {_list(unknown)} would go nowhere. Tag the cell that "
                f"holds the defaults. ({UNKNOWN} lets it through all the same.)"
            )
        close = difflib.get_close_matches(unknown[0], list(by_name), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ParameterException(
            f"The notebook has no parameter {_list(unknown)}.{hint} {listing} ({UNKNOWN} lets it through.)"
        )
    missing = [p.name for p in known if p.required and unicodedata.normalize("NFKC", p.name) not in values]
    if missing:
        raise ParameterException(f"The notebook needs a value for {_list(missing)}. {listing}")
    for name, value in values.items():
        parameter = by_name.get(name)
        if parameter is not None and not parameter.takes.fits(value):
            what = "the given secret" if parameter.secret else _short(value)
            hint = " (papermill's -r keeps a value as text.)" if parameter.takes.kinds == (str,) else ""
            raise ParameterException(
                f"Parameter {name!r} takes {parameter.takes.text}, not {what} of type {type(value).__name__}.{hint} {listing}"
            )


def read_value(text: str, parameter: Parameter | None) -> Any:
    """A value from a command line: by the declared type, else as papermill reads it (True, None, 1, 0.1, text)."""
    kinds = parameter.takes.kinds if parameter is not None else ()
    if kinds and str in kinds and not {int, float, bool} & set(kinds):
        return None if text == "None" and type(None) in kinds else text
    if kinds and bool in kinds and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kinds and set(kinds) & {list, dict} and text[:1] in "[{(":
        try:
            return _plain(ast.literal_eval(text))
        except (ValueError, SyntaxError):
            import json

            try:
                return json.loads(text)
            except ValueError:
                return text
    words: dict[str, Any] = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    readers: tuple[Callable[[str], Any], ...] = (int, float)
    for read in readers:
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _list(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _short(value: object) -> str:
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
