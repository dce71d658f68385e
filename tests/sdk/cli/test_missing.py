"""What a command says of a package that is not installed: the extra that brings it, and none where no extra does."""

import tomllib
from pathlib import Path

import pytest

from tidegate.cli.missing import missing

PROJECT = tomllib.loads((Path(__file__).resolve().parents[3] / "sdk" / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize(
    ("module", "extra", "requirement"),
    [
        ("yaml", "cli", "PyYAML"),
        ("grpc_tools.protoc", "cli", "grpcio-tools"),
        ("grpc", "grpc", "grpcio"),
        ("google.protobuf", "grpc", "protobuf"),
        ("protobuf", "protobuf", "protobuf-py"),
        ("protovalidate", "protobuf", "protovalidate"),
        ("cel_expr_python", "cel", "cel-expr-python"),
    ],
)
def test_the_extra_named_is_the_one_that_brings_it(module: str, extra: str, requirement: str) -> None:
    assert (
        missing(ImportError(name=module))
        == f"this command needs the extra tidegate[{extra}] ({module} is not installed)"
    )
    assert any(line.startswith(f"{requirement}>") for line in PROJECT["optional-dependencies"][extra])


def test_a_dependency_of_tidegate_itself_names_no_extra() -> None:
    said = missing(ImportError(name="httpx2"))
    assert said == "this command needs httpx2, which comes with tidegate and is not installed: pip install 'tidegate'"
    assert any(line.startswith("httpx2>") for line in PROJECT["dependencies"])


def test_an_error_that_says_what_to_install_keeps_its_words() -> None:
    assert missing(ImportError("pip install 'x'")) == "pip install 'x'"


def test_what_nobody_knows_is_told_as_it_is() -> None:
    assert (
        missing(ImportError("No module named 'zz'", name="zz"))
        == "this command needs zz, which could not be imported: No module named 'zz'"
    )
