"""The commands of producers: their arguments, and which module does the work. Called by `main`; imports no work until it is asked for."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tidegate.cli.publish import Connection, Input

__all__ = ["COMMANDS", "add_commands", "run_command"]

_Commands = argparse._SubParsersAction  # noqa: SLF001 -- argparse has no public name for it
COMMANDS: Final = ("publish", "validate", "topics", "spool", "doctor", "simulate")
_EXIT: Final = "Exit codes: "


def add_commands(commands: "_Commands[argparse.ArgumentParser]") -> None:
    """Adds the parsers."""
    _publish(commands)
    _validate(commands)
    _topics(commands)
    _spool(commands)
    _doctor(commands)
    _simulate(commands)


def run_command(options: argparse.Namespace) -> int:
    """Runs what was asked for and answers its exit code."""
    try:
        return _RUN[options.command](options)
    except KeyboardInterrupt:
        sys.stderr.write("\ntidegate: stopped; what has a receipt is stored\n")
        return 130
    except (ValueError, OSError) as error:
        sys.stderr.write(f"tidegate: {error}\n")
        return 2


def _run_publish(options: argparse.Namespace) -> int:
    from tidegate.cli.publish import run_publish

    return run_publish(options.topic, _connection(options), _input(options), options.journal, as_json=options.json)


def _run_validate(options: argparse.Namespace) -> int:
    from tidegate.cli.validate import run_validate

    folder = options.contracts
    url = options.url or "https://gate.invalid"
    return run_validate(options.topic, _input(options), folder, url, _cache(), as_json=options.json)


def _run_topics(options: argparse.Namespace) -> int:
    from tidegate.cli.topics import run_topics

    return run_topics(_url(options), _token(options), _cache(), as_json=options.json)


def _run_spool(options: argparse.Namespace) -> int:
    from tidegate.cli.spool import run_drain, run_spool

    if options.drain:
        return run_drain(options.folder, _connection(options), options.timeout_s)
    return run_spool(options.folder, as_json=options.json)


def _run_doctor(options: argparse.Namespace) -> int:
    from tidegate.cli.doctor import run_doctor

    return run_doctor(_url(options), _token(options), options.spool, as_json=options.json)


def _run_simulate(options: argparse.Namespace) -> int:
    from tidegate.cli.simulate import run_simulate
    from tidegate.simulate.herd import Herd

    herd = Herd(
        producers=options.producers,
        events_per_s=options.rate,
        outage_s=options.outage_s,
        after_s=options.after_s,
        seed=options.seed,
        capacity=options.capacity,
    )
    return run_simulate(herd, options.svg, as_json=options.json, markdown=options.markdown)


_RUN: Final = {
    "publish": _run_publish,
    "validate": _run_validate,
    "topics": _run_topics,
    "spool": _run_spool,
    "doctor": _run_doctor,
    "simulate": _run_simulate,
}


def _url(options: argparse.Namespace) -> str:
    if not options.url:
        raise ValueError("which gateway? give --url or TIDEGATE_URL")
    return str(options.url)


def _token(options: argparse.Namespace) -> str | None:
    """From a file or the environment: on the command line every user of the machine could read it."""
    if options.token_file is not None:
        return str(options.token_file.read_text("utf-8").strip())
    return os.environ.get("TIDEGATE_TOKEN") or None


def _connection(options: argparse.Namespace) -> "Connection":
    from tidegate.cli.publish import Connection

    token = options.token_file if options.token_file is not None else _token(options)
    return Connection(url=_url(options), token=token, cache_dir=_cache())


def _input(options: argparse.Namespace) -> "Input":
    from tidegate.cli.publish import Input

    path = None if str(options.file) == "-" else options.file
    return Input(path=path, form=options.format, events=options.events, version=options.version)


def _cache() -> Path:
    """Where contracts are kept between runs: XDG's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tidegate"


def _gateway(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--url", default=os.environ.get("TIDEGATE_URL"), metavar="URL", help="the gateway's (default: TIDEGATE_URL)"
    )
    command.add_argument(
        "--token-file", type=Path, metavar="FILE", help="holds the bearer token (default: the token in TIDEGATE_TOKEN)"
    )


def _events(command: argparse.ArgumentParser) -> None:
    command.add_argument("topic", metavar="TOPIC")
    command.add_argument("file", nargs="?", type=Path, default=Path("-"), metavar="FILE", help="default, and -: stdin")
    command.add_argument("--format", choices=("ndjson", "json", "csv"), help="default: by the file's name, else ndjson")
    command.add_argument(
        "--events", action="store_true", help="lines are Events (id, key, value, headers, time, version), not values"
    )
    command.add_argument(
        "--version", type=int, metavar="N", help="the contract's version to judge by (default: newest)"
    )
    command.add_argument("--json", action="store_true", help="one JSON object on stdout instead of lines")


def _publish(commands: "_Commands[argparse.ArgumentParser]") -> None:
    publish = commands.add_parser(
        "publish",
        help="publish the events of a file or of stdin",
        description="Publishes NDJSON, a JSON array, or CSV with a header (dotted names nest; empty cells are left out; what is a "
        "number the contract says). Run again, it skips what was stored: by its journal beside the file, and by event "
        "ids that are the same in every run.",
        epilog=f"{_EXIT}0 all stored, 1 some refused or not delivered, 2 could not run, 130 interrupted.",
    )
    _events(publish)
    _gateway(publish)
    publish.add_argument(
        "--journal", type=Path, metavar="FILE", help="what was stored (default: FILE.TOPIC.journal; stdin: none)"
    )


def _validate(commands: "_Commands[argparse.ArgumentParser]") -> None:
    validate = commands.add_parser(
        "validate",
        help="judge the events of a file or of stdin, offline",
        description="Judges as the gateway would, and sends nothing. By a schemas folder, or by the contract that `tidegate "
        "topics` or `publish` kept of the gateway at --url.",
        epilog=f"{_EXIT}0 all satisfy the contract, 1 some do not, 2 could not run.",
    )
    _events(validate)
    validate.add_argument("--contracts", type=Path, metavar="DIR", help="a schemas folder to judge by")
    validate.add_argument(
        "--url",
        default=os.environ.get("TIDEGATE_URL"),
        metavar="URL",
        help="whose kept contracts (default: TIDEGATE_URL)",
    )


def _topics(commands: "_Commands[argparse.ArgumentParser]") -> None:
    topics = commands.add_parser(
        "topics",
        help="what a gateway takes",
        description="Lists a gateway's topics with version, owner and purpose, and keeps their contracts for `validate`.",
        epilog=f"{_EXIT}0 listed, 2 not reached or refused.",
    )
    _gateway(topics)
    topics.add_argument("--json", action="store_true", help="one JSON array on stdout")


def _spool(commands: "_Commands[argparse.ArgumentParser]") -> None:
    spool = commands.add_parser(
        "spool",
        help="what waits in a spool, and its delivery",
        description="Tells what a folder of spools holds. With --drain delivers what no running client has.",
        epilog=f"{_EXIT}0 told or delivered, 1 something is left, refused or damaged, 2 could not run.",
    )
    spool.add_argument("folder", type=Path, metavar="DIR", help="as in SpoolFolder(path=DIR)")
    spool.add_argument("--drain", action="store_true", help="deliver it")
    spool.add_argument("--timeout-s", type=float, default=120.0, metavar="SECONDS", help="for each file (default: 120)")
    spool.add_argument("--json", action="store_true", help="one JSON array on stdout (without --drain)")
    _gateway(spool)


def _doctor(commands: "_Commands[argparse.ArgumentParser]") -> None:
    doctor = commands.add_parser(
        "doctor",
        help="can this machine publish?",
        description="Tries the gateway, the token, the topics it may publish to, the clock and the installed extras. Publishes nothing.",
        epilog=f"{_EXIT}0 nothing is wrong, 1 something is, 2 could not run.",
    )
    _gateway(doctor)
    doctor.add_argument("--spool", type=Path, metavar="DIR", help="look at a folder of spools too")
    doctor.add_argument("--json", action="store_true", help="one JSON array on stdout")


def _simulate(commands: "_Commands[argparse.ArgumentParser]") -> None:
    simulate = commands.add_parser(
        "simulate",
        help="what a fleet of producers does to a gateway that was away",
        description="Simulates a thundering herd in virtual time on the SDK's own decision modules: many producers, an outage, "
        "a recovery; this SDK beside a fixed interval, exponential waits without jitter, and full jitter alone.",
        epilog=f"{_EXIT}0 this SDK keeps every bound, 1 it does not, 2 could not run.",
    )
    simulate.add_argument("scenario", choices=("herd",), help="what to simulate")
    simulate.add_argument("--producers", type=int, default=2000, metavar="N", help="default: 2000")
    simulate.add_argument(
        "--rate", type=float, default=1.0, metavar="EVENTS", help="events a second of each (default: 1)"
    )
    simulate.add_argument("--outage-s", type=float, default=30.0, metavar="SECONDS", help="default: 30")
    simulate.add_argument(
        "--after-s", type=float, default=60.0, metavar="SECONDS", help="watched after it (default: 60)"
    )
    simulate.add_argument(
        "--capacity", type=float, metavar="REQUESTS", help="of the gateway, a second (default: twice what is sent)"
    )
    simulate.add_argument("--seed", type=int, default=15, metavar="N", help="same seed, same figures (default: 15)")
    simulate.add_argument("--svg", type=Path, metavar="FILE", help="also write the chart as SVG")
    form = simulate.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object on stdout")
    form.add_argument("--markdown", action="store_true", help="the table alone, as Markdown")
