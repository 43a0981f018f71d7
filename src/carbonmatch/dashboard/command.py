"""`carbonmatch dashboard`: the command line. What it starts needs the extra `dashboard`."""

import contextlib
import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from carbonmatch.client.connection import Access
from carbonmatch.client.errors import ClientError
from carbonmatch.client.options import Port, access_of, whole_number
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.dashboard.sources import Addresses
from carbonmatch.limits import DASHBOARD_SECRET_CHARS_MIN
from carbonmatch.protocol.messages import Role


def main(
    *,
    port: Annotated[int, Parameter(converter=whole_number, validator=Number(gte=0, lte=65_535))] = 7490,
    host: str = "127.0.0.1",
    market_data_port: Port = 7410,
    metrics_url: str = "http://127.0.0.1:7480/metrics",
    follower_url: str = "",
    prometheus_url: str = "",
    key_id: str | None = None,
    key_file: Path | None = None,
    session: str | None = None,
    secret_file: Path | None = None,
    order_entry_port: Port = 7400,
    operator_key_id: str | None = None,
    operator_key_file: Path | None = None,
    operator_session: str | None = None,
    name: tuple[str, ...] = (),
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Show a running venue on a page in the browser, on 127.0.0.1, until SIGTERM.

    Parameters
    ----------
    port
        Where the page is. Port 0: any free one, which the log names.
    host
        Where the venue is.
    market_data_port
        Its market data.
    metrics_url
        Its metrics; whether it is ready is asked for beside them.
    follower_url
        The metrics of its follower.
    prometheus_url
        The Prometheus whose alerts are shown. Without: alerts by a few rules of the page's own.
    key_id
        A key that may follow market data; without one the demo market's, on loopback only.
    key_file
        The file with the private half: 64 hexadecimal digits.
    session
        The session that goes with the key.
    secret_file
        Let those halt and resume who know the secret in this file, which is made where there is none.
        Without: the page only shows.
    order_entry_port
        Where the venue takes an operator's commands.
    operator_key_id
        An operator's key; without one the demo market's, on loopback only.
    operator_key_file
        The file with its private half.
    operator_session
        The operator's session: one that nobody else uses, so that neither takes it from the other.
    name
        A name beside localhost under which browsers may ask, of a proxy with TLS.
    """
    try:
        from carbonmatch.dashboard.service import run
    except ModuleNotFoundError as error:
        if error.name != "aiohttp":
            raise
        raise ClientError("the dashboard needs aiohttp: pip install 'carbonmatch[dashboard]'") from None
    feed = access_of(Role.MARKET_DATA, host, market_data_port, key_id, key_file, session, tls)
    addresses = Addresses(metrics_url, follower_url, prometheus_url)
    operator: Access | None = None
    secret = ""
    if secret_file is not None:
        given = (operator_key_id, operator_key_file, operator_session)
        operator = access_of(Role.OPERATOR, host, order_entry_port, *given, tls)
        secret = secret_in(secret_file)
    elif operator_key_id is not None:
        raise ClientError("an operator's key without --secret-file: nobody could log in to use it")
    sys.exit(run(port, feed, addresses, operator, secret, frozenset(name)))


def secret_in(file: Path) -> str:
    """What is in the file, which is made with a new secret where it does not exist. Raises ClientError."""
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(f"{secrets.token_urlsafe()}\n")
    mode = file.stat().st_mode & 0o777
    if mode & 0o077:
        raise ClientError(f"{file}: mode {mode:04o} lets others read a secret, expected 0600 or 0400")
    secret = file.read_text().strip()
    if len(secret) < DASHBOARD_SECRET_CHARS_MIN:
        raise ClientError(
            f"{file}: a secret of {len(secret)} characters, expected {DASHBOARD_SECRET_CHARS_MIN} or more; "
            "where there is no file, one is made"
        )
    return secret
