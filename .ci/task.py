#!/usr/bin/env python3
"""The one task runner: `python3 .ci/task.py TASK`. Standard library only; any Python 3.11+ runs it on a fresh machine.

    demo       the gateway on its embedded broker: one good event, one bad one, both answers; sets everything up first
    test       the tests (arguments go to pytest); real Kafka where Java 17+ and Maven are
    check      format, lint, types, import rules; contracts and .proto files against main; whether what is generated is fresh
    format     rewrite the sources as ruff formats them
    bench      the benchmarks of tests/bench (arguments name them), ratios from one run
    faults     Kafka taken away in every way (tests/faults); --long: for as long as the specification asks
    soak       random faults on one gateway under load: [--minutes 30] [--seed N]
    fuzz       the decoders under a coverage-guided fuzzer: [--seconds 600] in all, [TARGET...], one after the other
    generate   the gRPC code from schemas/proto/tidegate, and requirements.txt from the pyproject.toml files
    setup      only the virtual environment

Everything is installed into .venv beside this repository's pyproject.toml, from requirements.txt with hashes, once, and
again when one of the files that decide it changes.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".tidegate-installed"
OWN_PROTOS = ROOT / "schemas" / "proto"
DECIDES = ("requirements.txt", "pyproject.toml", "sdk/pyproject.toml", "gateway/pyproject.toml")


def main() -> int:
    """Run one task; its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 -- run by whatever python3 is there
        print(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    tasks = {
        "demo": demo,
        "test": test,
        "check": check,
        "format": reformat,
        "bench": bench,
        "fuzz": fuzz,
        "faults": faults,
        "soak": soak,
        "generate": generate,
        "setup": lambda _rest: 0,
    }
    task, rest = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    if task not in tasks:
        print(__doc__, file=sys.stderr)
        return 2
    setup()
    return tasks[task](rest)


def setup() -> None:
    """Make .venv what requirements.txt says, if it is not."""
    wanted = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in DECIDES)).hexdigest()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return
    say("setting up .venv (once; a minute or two)")
    shutil.rmtree(VENV, ignore_errors=True)
    # Debian's Python has no ensurepip without python3-venv: the environment is made without pip, and the pip that runs
    # this interpreter installs into it. An externally managed interpreter is not touched.
    run([sys.executable, "-m", "venv", "--without-pip", str(VENV)])
    if run_quiet([sys.executable, "-m", "pip", "--version"]):
        pip = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    else:
        if not run_quiet([str(PYTHON), "-m", "ensurepip", "--default-pip"]):
            print("neither pip nor ensurepip is here: install python3-pip or python3-venv first", file=sys.stderr)
            raise SystemExit(2)
        pip = [str(PYTHON), "-m", "pip"]
    options = ["--quiet", "--disable-pip-version-check", "--no-input"]
    run([*pip, "install", *options, "--require-hashes", "-r", str(ROOT / "requirements.txt")])
    run(
        [
            *pip,
            "install",
            *options,
            "--no-deps",
            "--no-build-isolation",
            "-e",
            str(ROOT / "sdk"),
            "-e",
            str(ROOT / "gateway"),
        ]
    )
    STAMP.write_text(wanted)


def demo(rest: list[str]) -> int:
    """The main job, seen."""
    return call([str(VENV / "bin" / "tidegate-gateway"), "demo", "--contracts", str(ROOT / "schemas"), *rest])


def test(rest: list[str]) -> int:
    """The tests."""
    return call([str(PYTHON), "-m", "pytest", *rest])


def check(_rest: list[str]) -> int:
    """All checks; the first that fails is named, the others still run."""
    checks = {
        "format": [tool("ruff"), "format", "--check", "."],
        "lint": [tool("ruff"), "check", "."],
        "types": [tool("mypy"), "sdk/tidegate", "gateway/tidegate_gateway"],
        "imports": [tool("lint-imports")],
    }
    failed = []
    for name, command in checks.items():
        say(f"check: {name}")
        if call(command):
            failed.append(name)
    looks_at = {
        "protos": lint_protos,
        "protos against main": breaking_protos,
        "contracts": check_contracts,
        "stubs": fresh_stubs,
        "requirements": fresh,
    }
    for name, looks in looks_at.items():
        say(f"check: {name}")
        if looks():
            failed.append(name)
    if failed:
        print(f"FAILED: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def reformat(_rest: list[str]) -> int:
    """Sources as ruff formats them, imports sorted."""
    return call([tool("ruff"), "check", "--fix", "--quiet", "."]) or call([tool("ruff"), "format", "."])


def bench(rest: list[str]) -> int:
    """Each benchmark is a module of tests/bench with a main; without names, all. Options go to each."""
    options = [argument for argument in rest if argument.startswith("-")]
    named = [argument for argument in rest if argument not in options]
    every = sorted(path.stem for path in (ROOT / "tests" / "bench").glob("[a-z]*.py"))
    return max((call([str(PYTHON), "-m", f"tests.bench.{name}", *options]) for name in named or every), default=0)


def faults(rest: list[str]) -> int:
    """The fault tests, short unless --long; other arguments go to pytest."""
    if "--long" in rest:
        os.environ["TIDEGATE_FAULTS"] = "long"
    return test(["tests/faults", *(argument for argument in rest if argument != "--long")])


def soak(rest: list[str]) -> int:
    """Half an hour of random faults; tests/faults/soak.py says what fails it."""
    return call([str(PYTHON), "-m", "tests.faults.soak", *rest])


def fuzz(rest: list[str]) -> int:
    """Each target of tests/fuzz/targets.py in a process of its own, so many seconds (600) shared out; without names, all."""
    seconds = "600"
    if "--seconds" in rest:
        at = rest.index("--seconds")
        seconds = rest[at + 1] if at + 1 < len(rest) else seconds
        rest = rest[:at] + rest[at + 2 :]
    if not rest:
        listing = [str(PYTHON), "-c", "from tests.fuzz.targets import TARGETS; print(*TARGETS)"]
        rest = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    command = [str(PYTHON), "-m", "tests.fuzz.run"]
    each = str(max(1, int(seconds) // len(rest)))
    return max(call([*command, target, "--seconds", each]) for target in rest)


def generate(_rest: list[str]) -> int:
    """The gRPC code; then requirements.txt from the pyproject.toml files: every version pinned with hashes, no index address."""
    return stubs(ROOT / "sdk") or call([*_compile(ROOT / "requirements.txt"), "--upgrade"])


def stubs(output: Path) -> int:
    """Messages, their types and the services of our own .proto files, below `output`, by the installed protoc; and the files.

    The SDK ships them: contracts' own services import them.
    """
    protoc = [str(PYTHON), "-m", "grpc_tools.protoc", f"-I{OWN_PROTOS}"]
    every = own_protos()
    for path in every:
        copy = output / path.relative_to(OWN_PROTOS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    services = [path for path in every if "\nservice " in path.read_text("utf-8")]
    return call([*protoc, f"--python_out={output}", f"--pyi_out={output}", *map(str, every)]) or call(
        [*protoc, f"--grpc_python_out={output}", *map(str, services)]
    )


def own_protos() -> list[Path]:
    """The .proto files of the gateway's API; contracts' own stay with their owners."""
    return sorted((OWN_PROTOS / "tidegate").rglob("*.proto"))


def fresh_stubs() -> int:
    """Whether the committed gRPC code is what the .proto files give."""
    with tempfile.TemporaryDirectory() as folder:
        if stubs(Path(folder)):
            return 1
        stale = 0
        for made in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
            committed = ROOT / "sdk" / made.relative_to(folder)
            if not committed.exists() or committed.read_bytes() != made.read_bytes():
                print(f"{committed.relative_to(ROOT)} is not what its .proto gives: task generate", file=sys.stderr)
                stale = 1
        return stale


def lint_protos() -> int:
    """buf's rules on our own .proto files, alone: contracts import what only the network or an installed package has."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(OWN_PROTOS / "tidegate", Path(folder) / "tidegate")
        Path(folder, "buf.yaml").write_text("version: v2\nlint:\n  use: [STANDARD, COMMENTS]\n")
        return call([tool("buf"), "lint", folder])


def breaking_protos() -> int:
    """buf breaking: our own .proto files against main's."""
    main = main_branch()
    if main is None:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "main.zip"
        inside = OWN_PROTOS.relative_to(ROOT) / "tidegate"
        command = ["git", "archive", f"--output={archive}", main, str(inside)]
        if subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode:
            say(f"{main} has no {inside} yet: nothing to compare")
            return 0
        with zipfile.ZipFile(archive) as files:
            files.extractall(folder)
        new = Path(folder) / "new"
        shutil.copytree(OWN_PROTOS / "tidegate", new / "tidegate")
        for module in (new, Path(folder) / inside.parent):
            (module / "buf.yaml").write_text("version: v2\nbreaking:\n  use: [WIRE_JSON]\n")
        return call([tool("buf"), "breaking", str(new), "--against", str(Path(folder) / inside.parent)])


def check_contracts() -> int:
    """The example company's contracts, as their owners check them."""
    main = main_branch()
    return call([tool("tidegate"), "check", *(["--against", main] if main else [])])


def main_branch() -> str | None:
    """main, or origin/main where a clone has only that; None, said, where there is neither, or no git."""
    for name in ("main", "origin/main"):
        command = ["git", "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
        try:
            if subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0:
                return name
        except FileNotFoundError:
            break
    say("no main branch is here: nothing is compared with it")
    return None


def fresh() -> int:
    """Whether requirements.txt still is what the pyproject.toml files ask for, at the versions it pins."""
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "requirements.txt"
        shutil.copy(ROOT / "requirements.txt", again)
        code = call(_compile(again))
        if code == 0 and again.read_text("utf-8") != (ROOT / "requirements.txt").read_text("utf-8"):
            print("requirements.txt is not what the pyproject.toml files ask for: task generate", file=sys.stderr)
            return 1
        return code


def _compile(output: Path) -> list[str]:
    command = [tool("uv"), "pip", "compile", "pyproject.toml", "--group", "dev", "--universal", "--python-version"]
    command += ["3.11", "--generate-hashes", "--no-header", "--no-emit-index-url", "--no-emit-find-links", "--quiet"]
    command += ["--no-emit-package", "tidegate", "--no-emit-package", "tidegate-gateway", "-o", str(output)]
    return command


def tool(name: str) -> str:
    """A command of the virtual environment."""
    return str(VENV / "bin" / name)


def call(command: list[str]) -> int:
    """Run in the repository's root with this environment's commands first; the exit code."""
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path}, check=False).returncode


def run(command: list[str]) -> None:
    """Run, and stop with its exit code where it fails."""
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code:
        print(f"FAILED ({code}): {' '.join(command)}", file=sys.stderr)
        raise SystemExit(code)


def run_quiet(command: list[str]) -> bool:
    """Whether the command runs and exits 0."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def say(text: str) -> None:
    """A line on stderr, so that a task's own output stays clean."""
    print(f"== {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
