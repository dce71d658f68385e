"""House rules that a tool can see: headers, sizes, names, `__all__` (DESIGN.md, style)."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path
    for folder in ("sdk/tidegate", "gateway/tidegate_gateway")
    for path in (ROOT / folder).rglob("*.py")
    if "_pb2" not in path.name
)
FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager", "misc", "util"}


def name_of(path: Path) -> str:
    relative = path.relative_to(ROOT / path.relative_to(ROOT).parts[0]).with_suffix("")
    return ".".join(relative.parts).removesuffix(".__init__")


def test_there_are_sources() -> None:
    assert len(SOURCES) > 40


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_opens_with_its_duty_and_stays_small(path: Path) -> None:
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    assert path.stem not in FORBIDDEN_NAMES
    assert text.count("\n") <= 400, "past 400 lines a module wants to be two"
    if path.name == "__init__.py" and path.parent.name != "tidegate":  # whose names are looked up lazily (PEP 562)
        code = [
            node for node in tree.body if not isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign | ast.ImportFrom)
        ]
        assert code == [], "__init__ holds names, never code"
    else:
        assert ast.get_docstring(tree), "a module opens with its duty"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_all_names_exist(path: Path) -> None:
    if path.name == "__main__.py":
        return
    module = importlib.import_module(name_of(path))
    for name in getattr(module, "__all__", ()):
        assert hasattr(module, name)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nobody_imports_an_ancestor(path: Path) -> None:
    """Every import cycle in the models has that cause: a submodule that imports its package's __init__."""
    own = name_of(path)
    ancestors = {".".join(own.split(".")[:n]) for n in range(1, own.count(".") + 1)}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module not in ancestors, f"{own} imports from {node.module}"
