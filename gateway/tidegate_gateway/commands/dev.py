"""`dev`: the whole gateway on loopback. Prints what to copy: curl, Python and grpcurl that work as they stand."""

import argparse
import json
import os
from pathlib import Path

from tidegate_gateway.adapters.dev_key import DevKeyRefused, dev_key_path, load_or_make
from tidegate_gateway.app import Bound, Gateway
from tidegate_gateway.commands.dev_plan import dev_plan, dev_token
from tidegate_gateway.commands.exits import BAD_CONFIGURATION, stop
from tidegate_gateway.commands.running import run_gateway
from tidegate_gateway.commands.welcome import welcome
from tidegate_gateway.telemetry.logs import configure_logs

__all__ = ["dev"]


def dev(arguments: argparse.Namespace) -> int:
    """Run until Ctrl-C; the exit code."""
    try:
        key = load_or_make(dev_key_path(os.environ, Path.home()))
    except DevKeyRefused as error:
        return stop(BAD_CONFIGURATION, str(error))
    plan = dev_plan(
        key,
        arguments.contracts,
        http_port=arguments.http_port,
        grpc_port=arguments.grpc_port,
        admin_port=arguments.admin_port,
        kafka=arguments.kafka,
        quiet=arguments.quiet,
    )
    if plan.kafka is not None and (wrong := plan.kafka.validate()):
        return stop(BAD_CONFIGURATION, "--kafka " + "; ".join(wrong))
    configure_logs("human")

    def announce(bound: Bound, gateway: Gateway) -> None:
        token = dev_token(key, gateway.catalogue)
        if arguments.json:
            facts = {"http": bound.http, "grpc": bound.grpc, "admin": bound.admin, "kafka": bound.kafka, "token": token}
            print(json.dumps(facts), flush=True)
            return
        print(welcome(bound, gateway.catalogue, token, plan.contracts_dir, embedded=plan.kafka is None), flush=True)

    return run_gateway(plan, announce, key)
