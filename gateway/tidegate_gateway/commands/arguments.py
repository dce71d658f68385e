"""The arguments of every command. Each command's module is imported when it runs, so that `--help` and errors are quick."""

import argparse
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

__all__ = ["parse", "seconds"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments, with `run` the function that takes them. Wrong ones end with exit code 2."""
    parser = argparse.ArgumentParser(
        prog="tidegate-gateway", description="A gate in front of Kafka: events that satisfy their contract get in."
    )
    parser.add_argument("--version", action="version", version=version("tidegate-gateway"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _dev(commands.add_parser("dev", help="the whole gateway on loopback, for trying and for building contracts"))
    _demo(commands.add_parser("demo", help="one good event and one bad, and both answers"))
    _serve(commands.add_parser("serve", help="production"))
    _check_config(commands.add_parser("check-config", help="every option, its value, and what is wrong"))
    _token(commands.add_parser("token", help="a token of the dev key"))
    return parser.parse_args(arguments)


def seconds(text: str) -> float:
    """A duration as people write it: `90`, `90s`, `15m`, `1h`, `1d`. In seconds, above 0."""
    unit = _UNITS.get(text[-1:])
    try:
        value = float(text[:-1]) * unit if unit else float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 366 * 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write 90s, 15m, 1h or 1d")
    return value


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to 65535")
    return int(text)


def _contracts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--contracts", type=Path, default=Path("schemas"), metavar="DIR", help="the schemas folder (default: schemas)"
    )


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for machines")


def _dev(parser: argparse.ArgumentParser) -> None:
    def run(arguments: argparse.Namespace) -> int:
        from tidegate_gateway.commands.dev import dev

        return dev(arguments)

    _contracts(parser)
    parser.add_argument("--http-port", type=_port, default=8080, metavar="N", help="0: any free one (default: 8080)")
    parser.add_argument("--grpc-port", type=_port, default=8081, metavar="N", help="0: any free one (default: 8081)")
    parser.add_argument("--admin-port", type=_port, default=9090, metavar="N", help="0: any free one (default: 9090)")
    parser.add_argument(
        "--kafka", metavar="HOST:PORT", help="a Kafka of your own; default: the embedded broker, in memory"
    )
    parser.add_argument("--quiet", action="store_true", help="no line for each event")
    _json(parser)
    parser.set_defaults(run=run)


def _demo(parser: argparse.ArgumentParser) -> None:
    def run(arguments: argparse.Namespace) -> int:
        from tidegate_gateway.commands.demo import demo

        return demo(arguments)

    _contracts(parser)
    _json(parser)
    parser.set_defaults(run=run)


def _serve(parser: argparse.ArgumentParser) -> None:
    def run(arguments: argparse.Namespace) -> int:
        from tidegate_gateway.commands.serve import serve

        return serve(arguments)

    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="default: ./tidegate.toml where there is one; without a file, TIDEGATE_* alone",
    )
    _json(parser)
    parser.set_defaults(run=run)


def _check_config(parser: argparse.ArgumentParser) -> None:
    def run(arguments: argparse.Namespace) -> int:
        from tidegate_gateway.commands.check_config import check_config

        return check_config(arguments)

    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="default: ./tidegate.toml where there is one; without a file, TIDEGATE_* alone",
    )
    _json(parser)
    parser.set_defaults(run=run)


def _token(parser: argparse.ArgumentParser) -> None:
    def run(arguments: argparse.Namespace) -> int:
        from tidegate_gateway.commands.token import token

        return token(arguments)

    parser.add_argument(
        "--scope",
        action="append",
        required=True,
        metavar="SCOPE",
        help="publish:<topic>, publish:<prefix>*, contracts:read; may be repeated, or hold several",
    )
    parser.add_argument("--sub", default="developer", metavar="NAME", help="the subject (default: developer)")
    parser.add_argument("--role", action="append", default=[], metavar="NAME", help="a role; may be repeated")
    parser.add_argument("--ttl", type=seconds, default=3600.0, metavar="TIME", help="90s, 15m, 1h, 1d (default: 1h)")
    _json(parser)
    parser.set_defaults(run=run)
