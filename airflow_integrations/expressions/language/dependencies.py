"""Find what an expression reads: its free names, and the paths of the fields behind them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

__all__ = ["Bound", "Path", "Reads", "path_of", "reads"]

Path = tuple[str, ...]
"""``("order", "lines", "*", "sku")``: a name, then fields; ``*`` stands for the elements of a list."""

_SAME = frozenset({"sorted", "reversed", "unique", "sort_by", "coalesce", "list"})
"""Functions whose result has the elements of their first argument."""


@dataclass(slots=True)
class Reads:
    """Collected over one or more expressions."""

    names: set[str] = field(default_factory=set)
    fields: set[Path] = field(default_factory=set)

    def add(self, path: Path) -> None:
        """A path that was read. An element as a whole counts as its list: no field of it was named."""
        while path[-1] == "*":
            path = path[:-1]
        if len(path) > 1:
            self.fields.add(path)


Bound = dict[str, Path | None]


def reads(body: ast.expr, bound: Bound | None = None, into: Reads | None = None) -> Reads:
    """Free names and field paths of a checked expression. ``bound`` are names that a loop around it binds."""
    found = Reads() if into is None else into
    path_of(body, dict(bound or {}), found)
    return found


def path_of(body: ast.expr, bound: Bound, into: Reads) -> Path | None:
    """As :func:`reads`, and the path of the whole expression where it is one."""
    return _Collector(into).read(body, bound)


class _Collector:
    def __init__(self, found: Reads) -> None:
        self.found = found

    def expression(self, node: ast.expr, bound: Bound) -> Path | None:
        """Visits a node; its path where it is one, or leads to the same elements as one."""
        if isinstance(node, ast.Name):
            if node.id in bound:
                return bound[node.id]
            self.found.names.add(node.id)
            return (node.id,)
        if isinstance(node, (ast.Attribute, ast.Subscript)):
            return self._access(node, bound)
        if isinstance(node, ast.Call):
            return self._call(node, bound)
        if isinstance(node, ast.BoolOp):
            paths = [self.read(value, bound) for value in node.values]
            return paths[0] if isinstance(node.op, ast.Or) else None
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            inner = self._loops(node.generators, bound)
            self.read(node.elt, inner)
            return None
        if isinstance(node, ast.DictComp):
            inner = self._loops(node.generators, bound)
            self.read(node.key, inner)
            self.read(node.value, inner)
            return None
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.read(child, bound)
        return None

    def read(self, node: ast.expr, bound: Bound) -> Path | None:
        path = self.expression(node, bound)
        if path:
            self.found.add(path)
        return path

    def _access(self, node: ast.Attribute | ast.Subscript, bound: Bound) -> Path | None:
        base = self.expression(node.value, bound)
        step: str | None
        if isinstance(node, ast.Attribute):
            step = node.attr
        elif isinstance(node.slice, ast.Slice):
            for part in (node.slice.lower, node.slice.upper, node.slice.step):
                if part is not None:
                    self.read(part, bound)
            return base
        elif isinstance(node.slice, ast.Constant):
            step = node.slice.value if isinstance(node.slice.value, str) else "*"
        elif isinstance(node.slice, ast.UnaryOp) and isinstance(node.slice.operand, ast.Constant):
            step = "*"
        else:
            self.read(node.slice, bound)
            step = None
        if base and step is None:
            self.found.add(base)
        return (*base, step) if base and step is not None else None

    def _call(self, node: ast.Call, bound: Bound) -> Path | None:
        if isinstance(node.func, ast.Attribute):
            self.read(node.func.value, bound)
        paths = [self.read(argument, bound) for argument in node.args]
        for keyword in node.keywords:
            self.read(keyword.value, bound)
        if not (isinstance(node.func, ast.Name) and paths and paths[0]):
            return None
        called, first = node.func.id, paths[0]
        if called in _SAME:
            return first
        if called in ("first", "last"):
            return (*first, "*")
        if called == "get" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
            return (*first, str(node.args[1].value))
        return None

    def _loops(self, loops: list[ast.comprehension], bound: Bound) -> Bound:
        inner = dict(bound)
        for loop in loops:
            source = loop.iter
            counted = False
            if isinstance(source, ast.Call) and isinstance(source.func, ast.Name) and source.func.id == "enumerate":
                counted, rest = True, source.args[1:]
                source = source.args[0]
                for argument in rest:
                    self.read(argument, inner)
            path = self.read(source, inner)
            element = (*path, "*") if path else None
            if isinstance(loop.target, ast.Name):
                inner[loop.target.id] = None if counted else element
            else:
                for index, target in enumerate(loop.target.elts if isinstance(loop.target, ast.Tuple) else []):
                    whole = counted and index == 1 and isinstance(target, ast.Name)
                    for name in ast.walk(target):
                        if isinstance(name, ast.Name):
                            inner[name.id] = element if whole else None
            for condition in loop.ifs:
                self.read(condition, inner)
        return inner
