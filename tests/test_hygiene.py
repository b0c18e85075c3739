"""The house rules as tests: which room may know which, clean tools, pinned versions, a wheel with everything in it."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.promises import PROMISES
from tests.readme_tables import with_current_tables

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("store", "tui", "fixtures")
LONGEST_FILE = 500
TOOLS_OF_THE_ENVIRONMENT = {"pip", "setuptools"}
TERMINAL_LIBRARIES = ("tui", "textual", "rich")
# The two edges that turn whatever went wrong into words.
EDGES = {
    Path("store/cli/main.py"),
    Path("store/verify/running.py"),
    Path("tui/__main__.py"),
    Path("tui/questions.py"),
    Path("tui/watch.py"),
}
SQL = re.compile(r"\b(SELECT\s.+\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|PRAGMA\s+\w)", re.S)


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def python_files(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


def modules(package: str) -> list[str]:
    names = []
    for path in python_files(package):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def test_the_linter_is_content() -> None:
    result = run(sys.executable, "-m", "ruff", "check", "--no-cache", ".")
    assert result.returncode == 0, result.stdout


def test_the_formatter_is_content() -> None:
    result = run(sys.executable, "-m", "ruff", "format", "--no-cache", "--check", ".")
    assert result.returncode == 0, result.stdout


def test_the_types_hold() -> None:
    result = run(sys.executable, "-m", "mypy", "--strict")
    assert result.returncode == 0, result.stdout


def test_the_import_contracts_hold() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    result = run(str(tool), "--no-cache")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("package", ["store", "fixtures"])
def test_no_terminal_library_is_loaded_without_a_screen(package: str) -> None:
    names = modules(package)
    assert len(names) > 3
    script = (
        "import importlib, sys\n"
        f"for name in {names!r}:\n"
        "    importlib.import_module(name)\n"
        f"print(sorted({{name.partition('.')[0] for name in sys.modules}} & set({TERMINAL_LIBRARIES!r})))\n"
    )
    result = run(sys.executable, "-c", script)
    assert (result.stdout.strip(), result.stderr) == ("[]", "")


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from store.cli.main import main\n"
        "assert main(['--help']) == 0\n"
        "heavy = {'numpy', 'duckdb', 'sqlite_utils', 'sqlite3', 'zstandard', 'textual'} & set(sys.modules)\n"
        "sys.stderr.write(repr(sorted(heavy)))\n"
    )
    result = run(sys.executable, "-c", script)
    assert result.stderr == "[]"
    assert "usage: python -m store" in result.stdout


def test_the_dashboard_holds_no_sql() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files("tui")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value)
    ]
    assert not found


def test_the_sql_detector_can_see() -> None:
    assert SQL.search("\nSELECT a,\n  b\nFROM c")
    assert SQL.search("INSERT OR IGNORE INTO t VALUES (1)")
    assert not SQL.search("Update the view, then SELECT a partner")


def test_only_the_edges_catch_everything() -> None:
    found = []
    for path in python_files(*PACKAGES):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                caught = "" if node.type is None else ast.unparse(node.type)
                if caught in ("", "Exception", "BaseException") and path.relative_to(ROOT) not in EDGES:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not found


def test_no_file_has_grown_out_of_its_room() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in python_files(*PACKAGES)
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def pins() -> dict[str, str]:
    found = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9_.-]+)==([A-Za-z0-9_.!+]+)", line)
            assert match, f"not a plain pin: {line}"
            found[canonicalize_name(match[1])] = match[2]
    return found


def needed() -> set[str]:
    """Every distribution that the project and its test tools bring along, by the metadata of what is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting = [Requirement(text) for text in (*project["dependencies"], *project["optional-dependencies"]["test"])]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        found = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (found, extra) in seen or found in TOOLS_OF_THE_ENVIRONMENT:
                continue
            seen.add((found, extra))
            for further in map(Requirement, requires(found) or []):
                if further.marker is None or further.marker.evaluate({"extra": extra}):
                    waiting.append(further)
    return {found for found, _ in seen}


def test_the_constraints_pin_all_that_is_installed_and_nothing_else() -> None:
    pinned = pins()
    assert set(pinned) - TOOLS_OF_THE_ENVIRONMENT == needed()
    for name in needed():
        assert version(name) == pinned[name], name


def test_the_wheel_carries_everything_a_program_needs(tmp_path: Path) -> None:
    try:
        if int(version("setuptools").partition(".")[0]) < 77:
            pytest.skip("this environment's setuptools is older than the one that `make` installs")
    except PackageNotFoundError:
        pytest.skip("no setuptools here; `make` installs one")
    source = tmp_path / "source"
    source.mkdir()
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = "import setuptools.build_meta as backend, sys; print(backend.build_wheel(sys.argv[1]))"
    result = run(sys.executable, "-c", build, str(tmp_path), cwd=source)
    assert result.returncode == 0, result.stderr
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(source))
        for package in PACKAGES
        for path in (source / package).rglob("*")
        if path.is_file() and path.suffix in (".py", ".toml", ".tcss", ".css", ".js", ".typed", ".md", ".txt")
    }
    assert wanted <= packed, wanted - packed
    assert not {name for name in packed if name.partition("/")[0] not in PACKAGES and ".dist-info/" not in name}


def test_the_readme_has_the_tables_of_keys_and_of_promises() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert with_current_tables(readme) == readme, "keys or promises have changed: run `python -m tests.readme_tables`"


def test_every_promise_is_tried_and_told() -> None:
    tests = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    for name in PROMISES:
        trying = [text for text in tests.values() if f'trials("{name}")' in text or f'PROMISES["{name}"]' in text]
        assert trying, f"no test takes its number of trials from {name}"
        telling = (f'account("{name}"', "account(name, ")
        assert any(each in text for text in trying for each in telling), f"no test tells what it tried of {name}"


def test_what_the_readme_points_at_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:]+)\)", readme)
    assert len(targets) > 2
    assert [target for target in targets if not (ROOT / target).is_file()] == []


def test_the_check_of_a_fresh_machine_can_be_run() -> None:
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111 == 0o111
    assert run("bash", "-n", str(script)).returncode == 0
