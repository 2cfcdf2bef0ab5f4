"""docs/readiness.md: every item has a proof, and every proof that it names is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "readiness.md").read_text("utf-8")
CHECKLIST = ROOT.parent / "shared" / "readiness-checklist.md"
CHECKLISTS = (CHECKLIST, ROOT.parent / "shared" / "docs" / "readiness-checklist.md")
SECTIONS = dict(re.findall(r"^## (\d+)\. [^\n]+\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL))
LINES = [
    line
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| item", "| when"))
]
PROOF = re.compile(r"`([^`]+)`")
TYPED = ("salesintel ", "make ")


def proofs(line: str) -> list[str]:
    return PROOF.findall(line.rstrip("| ").rpartition(" | ")[2])


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_item_has_a_proof() -> None:
    assert len(LINES) > 80
    assert not [line for line in LINES if not proofs(line)]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split("|")[1].strip())
def test_every_file_and_test_that_proves_an_item_is_there(line: str) -> None:
    # What is typed is looked at with all other pages, in test_pages.py.
    for proof in proofs(line):
        if proof.startswith(TYPED):
            continue
        path, _, name = proof.partition("::")
        assert (ROOT / path).is_file(), proof
        assert not name or name in functions_of(ROOT / path), proof


def left_out(proof: str) -> bool:
    """Whether a test that is named runs in `make test-exhaustive` alone, as a whole."""
    path, _, name = proof.partition("::")
    if not path.startswith("tests/") or not path.endswith(".py"):
        return False
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    marks = [
        ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            marks += map(ast.unparse, node.decorator_list)
    return any(
        "mark.exhaustive" in mark and not mark.startswith("pytest.mark.parametrize")
        for mark in marks
    )


def test_a_proof_that_not_every_run_of_the_tests_gives_says_which_does() -> None:
    named = {line: [one for one in proofs(line) if left_out(one)] for line in LINES}
    assert any(named.values())
    assert not [
        line
        for line, found in named.items()
        if found and "make test-exhaustive" not in proofs(line)
    ]


@pytest.mark.skipif(not any(one.exists() for one in CHECKLISTS), reason="the list is not here")
def test_every_item_of_the_list_that_this_answers_has_a_line() -> None:
    (path, *_) = [one for one in CHECKLISTS if one.exists()]
    text = path.read_text("utf-8").split("## Production Readiness Review")[0]
    wanted = {
        number: len(re.findall(r"^\s*- \[ \]", section, re.MULTILINE))
        for number, section in re.findall(
            r"^### (\d+)\. [^\n]+\n(.*?)(?=^### |\Z)", text, re.MULTILINE | re.DOTALL
        )
    }
    found = {
        number: len([line for line in section.splitlines() if line in LINES])
        for number, section in SECTIONS.items()
    }
    assert found == wanted
