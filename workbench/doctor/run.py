"""A run of the doctor: who asks, looks, judges, and prints."""

import json
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

import typer
from rich.console import Console

from workbench.doctor.ask import Asker, read_error
from workbench.doctor.checks import CHECKS, judge
from workbench.doctor.checks_rights import unasked
from workbench.doctor.finding import Finding, Severity, broken
from workbench.doctor.gather import gather
from workbench.doctor.probe import Prober
from workbench.doctor.report import Report, lines, probe_lines
from workbench.doctor.snapshot import Snapshot, Target
from workbench.doctor.stack import Named, StackUnknownError, target_of_names, target_of_stack
from workbench.errors import UsageError
from workbench.paragraphs import printable, wrapped

_WIDTH, _WIDEST = 80, 120
_COLOURS: Final = {Severity.BROKEN: "bold red", Severity.DEGRADED: "bold yellow", Severity.NOTE: "bold"}
_PATIENCE_S: Final = 1.0
# What AWS answers to credentials that are none (any more), beside botocore's own errors.
_BAD_CREDENTIALS: Final = frozenset(
    {
        "AuthFailure",
        "CredentialRetrievalError",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "RequestExpired",
        "SSOTokenLoadError",
        "SignatureDoesNotMatch",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
        "UnrecognizedClientException",
    }
)
Clients = Callable[[str, str | None], Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for; `stack` goes before the names."""

    region: str
    stack: str = ""
    named: Named = field(default_factory=Named)


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to tell it; ``probe``: settle first-day claims, too; ``agree``: those that write need not ask."""

    is_json: bool = False
    probe: bool = False
    agree: bool = False


def run(client: Clients, asked: Asked, wanted: Wanted) -> int:
    """Look, and print what was found; the exit code. Raises what `examine` raises."""
    asker = Asker(client, time.monotonic, _progress(time.monotonic))
    report, snapshot = examine(asker, asked, time.time())
    probes = snapshot if wanted.probe else None
    if wanted.is_json:
        told = () if probes is None else tuple(_prober(client, probes, wanted, lambda _: None).run())
        sys.stdout.write(json.dumps(replace(report, probes=told).as_json()) + "\n")
    else:
        _print(report)
        if probes is not None:
            _print_probes(client, probes, wanted)
    return 0 if report.is_healthy else 1


def examine(asker: Asker, asked: Asked, now: float) -> tuple[Report, Snapshot | None]:
    """What is wrong with the deployment that was asked for, now (Unix seconds); and what that was read from.

    Raises:
        UsageError: there is no such stack, or a name is missing.
        OSError: AWS cannot be reached at all.
    """
    base = Target(asked.region)
    try:
        told = asker.call("sts", "get_caller_identity")
    except Exception as error:
        code, words = read_error(error)
        if code not in _BAD_CREDENTIALS:
            raise OSError(f"sts: {code}: {words}; look at the network, the proxy and --endpoint-url") from error
        return Report(base, (_credentials(code, words),), len(CHECKS)), None
    base = Target(asked.region, told["Account"], told["Arn"], told["Arn"].split(":")[1])
    try:
        named = target_of_stack(asker, base, asked.stack) if asked.stack else target_of_names(base, asked.named)
    except StackUnknownError:
        snapshot = Snapshot(base, now, unasked=tuple(asker.unasked))
        return Report(base, tuple(unasked(snapshot)), len(CHECKS)), None
    snapshot = gather(asker, named, now)
    return Report(snapshot.target, judge(snapshot), len(CHECKS), snapshot.limits), snapshot


def _credentials(code: str, words: str) -> Finding:
    return broken(
        "credentials",
        "AWS credentials",
        f"{code}: {words}",
        "Nothing could be looked at.",
        "`aws sso login` or `aws configure`, or export AWS_PROFILE or fresh AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY "
        "and AWS_SESSION_TOKEN; then try `aws sts get-caller-identity`",
    )


def clients(region: str | None, endpoint_url: str | None) -> tuple[Clients, str]:
    """A maker of clients, and the region it makes them for."""
    import boto3  # noqa: PLC0415 - half a second, for those who need it
    from botocore.config import Config  # noqa: PLC0415 - same
    from botocore.exceptions import ProfileNotFound  # noqa: PLC0415 - same

    try:
        session = boto3.Session(region_name=region)
    except ProfileNotFound as error:
        raise UsageError(f"AWS_PROFILE: {error}; see `aws configure list-profiles`") from error
    home = session.region_name
    if not home:
        raise UsageError("--region: is missing, and the AWS configuration names none; give one such as eu-west-1")
    config = Config(connect_timeout=4, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 3})

    @cache
    def client(service: str, elsewhere: str | None) -> Any:
        return session.client(service, region_name=elsewhere or home, endpoint_url=endpoint_url, config=config)

    return client, home


def _progress(clock: Callable[[], float]) -> Callable[[str], None]:
    """Tells a person who watches, once it takes longer than a moment."""
    began = clock()

    def tell(what: str) -> None:
        if sys.stderr.isatty() and clock() - began > _PATIENCE_S:
            sys.stderr.write(f"looking at {what}\n")

    return tell


def _prober(client: Clients, snapshot: Snapshot, wanted: Wanted, say: Callable[[str], None]) -> Prober:
    def agrees(does: str) -> bool:
        if wanted.agree or wanted.is_json or not sys.stdin.isatty():
            return wanted.agree
        return typer.confirm(f"    it {does}; agreed?", err=True)

    return Prober(Asker(client, time.monotonic), snapshot, agrees, say, secrets.token_hex(8), time.sleep)


def _width() -> int:
    console = Console()
    return max(60, min(_WIDEST, console.width)) if console.is_terminal else _WIDTH


def _print(report: Report) -> None:
    console = Console(markup=False, highlight=False, soft_wrap=True)
    for line, severity in lines(report, _width()):
        console.print(line, style=None if severity is None else _COLOURS[severity])
    sys.stdout.flush()


def _print_probes(client: Clients, snapshot: Snapshot, wanted: Wanted) -> None:
    print("\nfirst-day checks; docs/unverified.md has these claims, and those that only a person can settle")

    def say(text: str) -> None:
        print("\n".join(wrapped(printable(text), _width(), "  ", "    ")), flush=True)

    for told in _prober(client, snapshot, wanted, say).run():
        print("\n".join(probe_lines(told, _width())), flush=True)
