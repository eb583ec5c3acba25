"""``gslb token``: who may use the API over TCP."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gslb.api.access import Scope
from gslb.api.tokens import FILE_NAME, MAX_DAYS, Token, TokenFile
from gslb.cli.options import add_place_options, given_settings
from gslb.errors import GslbError
from gslb.node.configuration import read_settings

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Commands) -> None:
    """Add ``token`` to the ``gslb`` command."""
    parser = commands.add_parser(
        "token",
        help="make, list or revoke tokens for the API",
        description="Tokens for the API over TCP. A running server sees a change at once. (The"
        " Unix socket of the state directory wants none: file permissions guard it.)",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    create = actions.add_parser("create", help="make a token and print it, this once")
    create.add_argument("name", help="whose it is; drains and the audit log show it")
    create.add_argument(
        "--scope",
        action="append",
        required=True,
        choices=[scope.value for scope in Scope],
        help="what it is for; may be repeated",
    )
    create.add_argument(
        "--days", type=float, default=MAX_DAYS, help=f"how long it is valid (most: {MAX_DAYS})"
    )
    create.set_defaults(run=create_token)
    listing = actions.add_parser("list", help="list the tokens, never their secrets")
    listing.add_argument("--json", action="store_true", help="print them as JSON")
    listing.set_defaults(run=list_tokens)
    revoke = actions.add_parser("revoke", help="end a token at once")
    revoke.add_argument("id", help="as gslb token list shows it")
    revoke.set_defaults(run=revoke_token)
    for action in (create, listing, revoke):
        add_place_options(action)


def create_token(options: argparse.Namespace) -> int:
    """Print a new token."""
    scopes = [Scope(word) for word in options.scope]
    text, token = _file(options).create(options.name, scopes, options.days, datetime.now(UTC))
    print(text, flush=True)  # alone, so that a file or a variable can take it
    print(f"{_line(token)}\nKeep it now: it is not shown again.", file=sys.stderr)
    return 0


def list_tokens(options: argparse.Namespace) -> int:
    """Print what is known of every token."""
    tokens = _file(options).tokens()
    if options.json:
        print(json.dumps([_shown(token) for token in tokens], indent=2))
    else:
        print("\n".join(map(_line, tokens)) or "there is no token")
    return 0


def revoke_token(options: argparse.Namespace) -> int:
    """Forget a token."""
    print(f"revoked: {_line(_file(options).revoke(options.id))}")
    return 0


def _file(options: argparse.Namespace) -> TokenFile:
    folder = read_settings(options.config, given_settings(options)).state_directory
    if not folder.is_dir():
        raise GslbError(f"{folder}: no such state directory (--state-directory names another)")
    return TokenFile(folder / FILE_NAME)


def _shown(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created": token.created.isoformat(timespec="seconds"),
        "expires": token.expires.isoformat(timespec="seconds"),
    }


def _line(token: Token) -> str:
    expired = "  EXPIRED" if token.expires <= datetime.now(UTC) else ""
    until = token.expires.isoformat(timespec="seconds")
    return f"{token.id}  {token.name}  {','.join(sorted(token.scopes))}  until {until}{expired}"
