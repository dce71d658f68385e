"""`serve`: production. Everything comes from tidegate.toml and the environment."""

import argparse
import json
import logging
import os

from tidegate_gateway.app import Bound, Gateway
from tidegate_gateway.commands.exits import BAD_CONFIGURATION, stop
from tidegate_gateway.commands.running import run_gateway
from tidegate_gateway.config.plan import plan_of
from tidegate_gateway.config.read import ConfigError, default_file, resolve
from tidegate_gateway.telemetry.logs import configure_logs

__all__ = ["serve"]


def serve(arguments: argparse.Namespace) -> int:
    """Run the gateway that the configuration describes; the exit code."""
    try:
        plan = plan_of(resolve(arguments.config or default_file(), os.environ))
    except ConfigError as error:
        return stop(BAD_CONFIGURATION, "the configuration cannot be used\n" + str(error))
    configure_logs("json")

    def announce(bound: Bound, gateway: Gateway) -> None:
        if arguments.json:
            print(
                json.dumps({"http": bound.http, "grpc": bound.grpc, "admin": bound.admin, "kafka": bound.kafka}),
                flush=True,
            )
        logging.getLogger("tidegate").info(
            "serving",
            extra={
                "http": bound.http,
                "grpc": bound.grpc,
                "admin": bound.admin,
                "contracts": len(gateway.catalogue.contracts),
            },
        )

    return run_gateway(plan, announce)
