"""`./run` and `./test` say what is missing, and do again only what changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from requirements import prepare

ROOT = Path(__file__).resolve().parent.parent


def script(folder: Path, name: str, text: str) -> None:
    """Write an executable shell script."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def checkout(folder: Path) -> Path:
    """Return a copy of the scripts with no .venv beside them."""
    copy = folder / "checkout"
    (copy / "requirements").mkdir(parents=True)
    for name in ("run", "test", "requirements/python.sh", "requirements/prepare.py"):
        (copy / name).write_bytes((ROOT / name).read_bytes())
    return copy


def start(folder: Path, name: str, tools: Path) -> subprocess.CompletedProcess[str]:
    """Run a script with nothing but `tools` and a shell's own commands on PATH."""
    script(tools, "dirname", 'exec /usr/bin/dirname "$@"')
    command = ["/bin/sh", f"./{name}"]
    environment = {"PATH": str(tools), "HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["run", "test"])
def test_without_python_the_scripts_name_what_to_install(tmp_path: Path, name: str) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    script(tools, "python3", f'exec {sys.executable} -c "import sys; sys.exit(1)"')
    result = start(checkout(tmp_path), name, tools)
    assert result.returncode == 2
    assert "needs Python 3.11 or newer" in result.stderr
    assert "python3-venv" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["run", "test"])
def test_without_ensurepip_the_scripts_name_the_one_package(tmp_path: Path, name: str) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    refuse = f'case "$*" in *ensurepip*) exit 1 ;; esac; exec {sys.executable} "$@"'
    script(tools, "python3", refuse)
    result = start(checkout(tmp_path), name, tools)
    assert result.returncode == 2
    assert "install the package python3-venv" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_lock_that_was_installed_is_not_installed_again(tmp_path: Path) -> None:
    lock = prepare.REQUIREMENTS / "run.txt"
    record = tmp_path / "installed.json"
    record.write_text(f'{{"run.txt": "{prepare.digest([lock])}"}}')
    prepare.install(tmp_path, lock)  # anything but a return would need the missing interpreter


def test_a_failed_step_stops_with_advice(tmp_path: Path) -> None:
    with pytest.raises(prepare.Stop, match="try again later"):
        prepare.call([sys.executable, "-c", "raise SystemExit(3)"], "try again later")


def test_the_digest_of_sources_sees_names_and_contents(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(prepare, "ROOT", tmp_path)
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("x")
    before = prepare.digest([first])
    first.rename(second)
    renamed = prepare.digest([second])
    second.write_text("y")
    assert len({before, renamed, prepare.digest([second])}) == 3


def test_built_files_are_no_sources_of_the_page() -> None:
    parts = {part for file in prepare.page_sources() for part in file.parts}
    assert not parts & {"node_modules", "dist"}
