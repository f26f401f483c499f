"""The query parameter ``$select``: which members of an answer a caller wants."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import QueryDict

# A member's name, folded, to what is wanted inside it; an empty tree means all of it.
Tree = dict[str, "Tree"]


def select(answer: Mapping[str, object], query: QueryDict) -> Mapping[str, object]:
    """Return the answer with everything that was not selected nulled out.

    The members of the answer itself stay, with None; inside them ("TableRight/Mask") only what
    was selected is kept. Case does not matter, and a name that does not exist is no error.
    """
    paths = _selected_paths(query)
    if not paths:
        return answer
    wanted = _tree(paths)
    return {name: _pruned(value, wanted.get(name.casefold())) for name, value in answer.items()}


def _selected_paths(query: QueryDict) -> list[list[str]]:
    texts = [text for key in query if key.casefold() == "$select" for text in query.getlist(key)]
    names = (name.casefold() for text in texts for name in text.split(","))
    paths = ([part for part in map(str.strip, name.split("/")) if part] for name in names)
    return [path for path in paths if path]


def _tree(paths: list[list[str]]) -> Tree:
    tree: Tree = {}
    # Short paths come last, so that "TableRight" beside "TableRight/Mask" means all of it.
    for *parents, name in sorted(paths, key=len, reverse=True):
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[name] = {}
    return tree


def _pruned(value: object, wanted: Tree | None) -> object:
    if wanted is None:
        return None
    if not wanted:
        return value
    if not isinstance(value, Mapping):
        return None
    kept = {
        name: _pruned(inner, wanted[name.casefold()])
        for name, inner in value.items()
        if name.casefold() in wanted
    }
    return kept or None
