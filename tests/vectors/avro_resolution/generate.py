"""Records Java's resolution: `python -m tests.vectors.avro_resolution.generate`, with Java 17+ and Maven. Not run by the tests.

Pairs are random schemas and an edit of each: fields added with (nested) defaults, removed, reordered and renamed with aliases,
types promoted, put into unions and taken out, enums with and without a default. Seeded, so that a second run gives the same.
"""

import copy
import io
import json
import random
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import fastavro

HERE = Path(__file__).parent
TARGET = HERE.parent / "avro_resolution.jsonl"
ROWS = 700
_PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
_WIDER = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "string": ("bytes",),
    "bytes": ("string",),
}


class Schemas:
    """Random schemas, and edits of them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.names = 0

    def name(self) -> str:
        self.names += 1
        return f"N{self.names}"

    def any(self, depth: int) -> Any:
        kinds = ["primitive"] * 4 + (["record", "array", "map", "enum", "fixed", "union"] if depth else [])
        match self.random.choice(kinds):
            case "primitive":
                return self.random.choice(_PRIMITIVES[1:])
            case "record":
                return self.record(depth - 1)
            case "array":
                return {"type": "array", "items": self.any(depth - 1)}
            case "map":
                return {"type": "map", "values": self.any(depth - 1)}
            case "enum":
                return {"type": "enum", "name": self.name(), "symbols": self.random.sample("ABCDE", 3)}
            case "fixed":
                return {"type": "fixed", "name": self.name(), "size": self.random.randint(1, 3)}
            case _:
                return self.union(depth - 1)

    def union(self, depth: int) -> list[Any]:
        branches: dict[str, Any] = {"null": "null"} if self.random.random() < 0.7 else {}
        for _ in range(self.random.randint(1, 3)):
            branch = self.any(depth)
            if not isinstance(branch, list):
                branches.setdefault(branch if isinstance(branch, str) else branch.get("name", branch["type"]), branch)
        found = list(branches.values()) or ["null"]
        self.random.shuffle(found)
        return found

    def record(self, depth: int) -> dict[str, Any]:
        fields = [{"name": f"f{n}", "type": self.any(depth)} for n in range(self.random.randint(1, 4))]
        return {"type": "record", "name": self.name(), "namespace": "x", "fields": fields}

    def default(self, schema: Any) -> Any:
        if isinstance(schema, list):
            return self.default(schema[0])
        kind = schema if isinstance(schema, str) else schema["type"]
        match kind:
            case "null":
                return None
            case "boolean":
                return self.random.random() < 0.5
            case "int" | "long":
                return self.random.randint(-5, 500)
            case "float" | "double":
                return self.random.choice([0.5, -2.25, 1e10])
            case "bytes" | "string":
                return self.random.choice(["", "ab", "\u00ff\u0001"])
            case "array":
                return [self.default(schema["items"]) for _ in range(self.random.randint(0, 2))]
            case "map":
                return {"k": self.default(schema["values"])}
            case "enum":
                return self.random.choice(schema["symbols"])
            case "fixed":
                return "abc"[: schema["size"]]
            case _:  # a record: fields with a default of their own may be left out, which nests
                return {
                    f["name"]: self.default(f["type"])
                    for f in schema["fields"]
                    if "default" not in f or self.random.random() < 0.3
                }

    def edited(self, schema: Any) -> Any:
        """The schema as a reader might have it."""
        roll = self.random.random()
        if isinstance(schema, str):
            if roll < 0.3 and schema in _WIDER:
                return self.random.choice(_WIDER[schema])
            if roll < 0.45 and schema != "null":
                return self.random.choice([["null", schema], [schema, "null"]])
            return self.random.choice(_PRIMITIVES) if roll < 0.5 else schema
        if isinstance(schema, list):
            branches = [self.edited(branch) for branch in schema]
            if roll < 0.3:
                self.random.shuffle(branches)
            if roll < 0.15:
                branches = branches[:1]
            flat = {
                json.dumps(b if isinstance(b, str) else b.get("name", b["type"])): b
                for b in branches
                if not isinstance(b, list)
            }
            if roll > 0.9 and len(flat) == 1:
                return next(iter(flat.values()))
            return list(flat.values()) or schema
        schema = copy.deepcopy(schema)
        if schema["type"] in ("array", "map"):
            inner = "items" if schema["type"] == "array" else "values"
            schema[inner] = self.edited(schema[inner])
            return schema
        if roll < 0.15:
            schema["aliases"] = [schema["name"]]
            schema["name"] = self.name()
        elif roll < 0.2:
            schema["name"] = self.name()
        if schema["type"] == "enum":
            self.random.shuffle(schema["symbols"])
            if self.random.random() < 0.4:
                schema["symbols"].pop()
            if self.random.random() < 0.5:
                schema["default"] = schema["symbols"][0]
        if schema["type"] == "record":
            schema["fields"] = self.edited_fields(schema["fields"])
        return schema

    def edited_fields(self, fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = []
        for field in fields:
            roll = self.random.random()
            if roll < 0.15:
                continue
            made = {"name": field["name"], "type": self.edited(field["type"])}
            if roll < 0.3:
                made = {"name": f"r{self.name()}", "type": made["type"], "aliases": [field["name"]]}
            found.append(made)
        for _ in range(self.random.randint(0, 2)):
            kind = self.any(2)
            if isinstance(kind, dict) and kind["type"] == "record":
                for inner in kind["fields"]:
                    if self.random.random() < 0.5:
                        inner["default"] = self.default(inner["type"])
            made = {"name": f"n{self.name()}", "type": kind}
            if self.random.random() < 0.9:
                made["default"] = self.default(kind)
            found.append(made)
        if self.random.random() < 0.3:
            self.random.shuffle(found)
        return found

    def datum(self, schema: Any, depth: int = 0) -> Any:
        if isinstance(schema, list):
            branch = self.random.choice(schema)
            value = self.datum(branch, depth)
            name = branch if isinstance(branch, str) else branch.get("name", branch["type"])
            if isinstance(branch, dict) and "namespace" in branch:
                name = f"{branch['namespace']}.{name}"
            return (name, value)
        kind = schema if isinstance(schema, str) else schema["type"]
        match kind:
            case "null":
                return None
            case "boolean":
                return self.random.random() < 0.5
            case "int":
                return self.random.choice([0, -1, 7, 2**31 - 1, -(2**31), 16777217])
            case "long":
                return self.random.choice([0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 9007199791611905, 123456789012])
            case "float":
                return self.random.choice([0.0, 1.5, -0.1, 3.4e38])
            case "double":
                return self.random.choice([0.0, 1.5, -0.1, 1e300])
            case "bytes":
                return self.random.choice([b"", b"ab", "\u00e9".encode()])
            case "string":
                return self.random.choice(["", "ab", "\u00e9\U0001f600"])
            case "array":
                return [self.datum(schema["items"], depth + 1) for _ in range(self.random.randint(0, 3))]
            case "map":
                return {"k" * n: self.datum(schema["values"], depth + 1) for n in range(self.random.randint(0, 3))}
            case "enum":
                return self.random.choice(schema["symbols"])
            case "fixed":
                return self.random.randbytes(schema["size"])
            case _:
                return {f["name"]: self.datum(f["type"], depth + 1) for f in schema["fields"]}


def rows(seed: int) -> list[dict[str, Any]]:
    schemas = Schemas(seed)
    found: list[dict[str, Any]] = []
    while len(found) < ROWS:
        writer = schemas.record(3) if schemas.random.random() < 0.8 else schemas.any(3)
        reader = schemas.edited(writer)
        out = io.BytesIO()
        try:
            parsed = fastavro.parse_schema(copy.deepcopy(writer))
            fastavro.schemaless_writer(out, parsed, schemas.datum(writer))
            fastavro.parse_schema(copy.deepcopy(reader))
        except (ValueError, TypeError, fastavro.schema.SchemaParseException):
            continue  # names clash, or a union has a type twice
        found.append({"writer": writer, "reader": reader, "payload": out.getvalue().hex()})
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "classpath")
        command = ["mvn", "--batch-mode", "--quiet", "dependency:build-classpath", f"-Dmdep.outputFile={path}"]
        subprocess.run(command, cwd=HERE, check=True)
        given = "".join(json.dumps(row) + "\n" for row in rows(20261121))
        java = ["java", "-cp", path.read_text().strip(), str(HERE / "Resolve.java")]
        done = subprocess.run(java, input=given, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    kept = [row for row in answers if row.get("error") != "SchemaParseException"]
    TARGET.write_text(
        "".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n" for row in kept), "utf-8"
    )
    print(len(kept), "rows,", sum("value" in row for row in kept), "with a value")


if __name__ == "__main__":
    main()
