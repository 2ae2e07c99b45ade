"""What is wrong with values that a typed model refused, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_MUST_BE = {
    "bool": "true or false",
    "dict": "key: value pairs",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "model": "key: value pairs",
    "path": "the name of a file or folder",
    "string": "text",
    "tuple": "a list",
}
_BRANCHES = ("int", "float", "constrained-str", "[key]")
_BRANCH_STARTS = ("tuple[", "literal[", "function-")


def mistakes(problems: Sequence[Any]) -> dict[str, str]:
    """One text for each value that is wrong.

    Args:
        problems: from ``pydantic.ValidationError.errors()``.

    Returns:
        where (``task::labels``) -> what it is and must be: ``=5: must be key: value pairs``.
    """
    said: dict[str, list[str]] = {}
    shown: dict[str, str] = {}
    for problem in problems:
        where, value, text = _mistake(problem)
        if shown.setdefault(where, value) == value and text not in said.setdefault(where, []):
            said[where].append(text)
    # A list with a wrong entry is told by the entry.
    entries = [where for where in said if not any(w.startswith(f"{where}::") for w in said)]
    return {where: f"{shown[where]} {_either(said[where])}" for where in entries}


def _mistake(problem: Any) -> tuple[str, str, str]:
    """Where, the value as it is shown, and what is wrong with it."""
    # pydantic names the branch of a union as if it were a key.
    loc = [str(part) for part in problem["loc"] if not _is_branch(part)]
    text = _text(problem)
    if problem["type"] == "missing":
        if isinstance(problem["loc"][-1], int):
            return "::".join(loc[:-1]), f"={_short(problem['input'])}:", "needs one value more"
        return "::".join(loc), "", text
    if isinstance(problem["input"], dict) and problem["type"] == "value_error":
        return "::".join(loc), ":", text
    if problem["loc"][-1:] == ("[key]",):
        return "::".join(loc), ":", f"this key {text}"
    return "::".join(loc), f"={_short(problem['input'])}:", text


def _text(problem: Any) -> str:
    kind, limits = problem["type"], problem.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not known"
    if kind == "value_error":
        return str(limits["error"])
    if kind == "too_short":
        return f"needs at least {_values(limits['min_length'])}"
    if kind == "too_long":
        return f"takes at most {_values(limits['max_length'])}"
    if kind == "string_too_short":
        return "must be text, not empty"
    if kind == "greater_than_equal":
        return f"must be at least {limits['ge']}"
    if kind == "less_than_equal":
        return f"must be at most {limits['le']}"
    if kind.partition("_")[0] in _MUST_BE:
        return f"must be {_MUST_BE[kind.partition('_')[0]]}"
    return str(problem["msg"]).replace("Input should be", "must be")


def _either(texts: list[str]) -> str:
    """Of a choice of types pydantic tells how each was missed."""
    first, *others = texts
    return " or ".join([first, *(text.removeprefix("must be ") for text in others)])


def _values(number: int) -> str:
    return f"{number} value{'s' * (number != 1)}"


def _is_branch(part: Any) -> bool:
    return isinstance(part, str) and (part in _BRANCHES or part.startswith(_BRANCH_STARTS))


def _short(value: Any) -> str:
    text = str(value) or "''"
    return text if len(text) <= 60 else f"{text[:57]}..."
