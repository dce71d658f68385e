"""`token`: a token of the dev key, for trying a gateway that `dev` runs."""

import argparse
import json
import os
from pathlib import Path
from time import time

from tidegate_gateway.adapters.dev_key import DevKeyRefused, dev_key_path, load_or_make
from tidegate_gateway.commands.exits import BAD_CONFIGURATION, OK, stop

__all__ = ["token"]


def token(arguments: argparse.Namespace) -> int:
    """Print a token with the scopes, roles, subject and lifetime asked for."""
    scopes = [scope for text in arguments.scope for scope in text.split()]
    try:
        key = load_or_make(dev_key_path(os.environ, Path.home()))
        minted = key.mint(sub=arguments.sub, scopes=scopes, roles=arguments.role, ttl_s=arguments.ttl, now_s=time())
    except (DevKeyRefused, ValueError) as error:
        return stop(BAD_CONFIGURATION, str(error))
    print(json.dumps({"token": minted}) if arguments.json else minted)
    return OK
