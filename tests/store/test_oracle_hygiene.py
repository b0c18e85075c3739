"""The oracle must not lean on what it judges: only the standard library, in its source and when it runs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
MODULES = ("oracle", "oracle_evidence", "oracle_work", "incidents", "incident_files")


@pytest.mark.parametrize("module", MODULES)
def test_the_oracle_imports_only_the_standard_library(module: str) -> None:
    allowed = {*sys.stdlib_module_names, "tests"}
    named: list[str] = []
    for node in ast.walk(ast.parse((TESTS / f"{module}.py").read_text("utf-8"))):
        if isinstance(node, ast.Import):
            named += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert node.module is not None
            named.append(node.module)
    assert named
    assert [name for name in named if name.split(".")[0] not in allowed] == []
    assert [name for name in named if name.split(".")[0] == "tests" and name.split(".")[1:2] not in _ours()] == []


def test_the_oracle_runs_without_the_store() -> None:
    script = (
        "import sys; import tests.oracle, tests.incidents;"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'store', 'tui', 'fixtures', 'numpy', 'duckdb'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=TESTS.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _ours() -> list[list[str]]:
    return [[name] for name in MODULES]
