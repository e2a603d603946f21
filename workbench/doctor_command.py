"""``vpcflow doctor``: looks at a deployment and says what is wrong, why it matters, and the mend."""

from typing import Annotated

import typer

from workbench.errors import UsageError


def doctor(  # noqa: PLR0913 - a command's options
    *,
    stack: Annotated[str, typer.Option(help="The stack made of template.yaml.")] = "",
    stream: Annotated[str, typer.Option(help="Without a stack: the delivery stream's name.")] = "",
    lake: Annotated[str, typer.Option(help="Without a stack: s3://BUCKET.")] = "",
    database: Annotated[str, typer.Option(help="Without a stack: the Glue database.")] = "",
    workgroup: Annotated[str, typer.Option(help="Without a stack: the Athena workgroup.")] = "",
    inventory_uri: Annotated[
        str, typer.Option(help="Without a stack: s3://… of the pointer, if not the function's.")
    ] = "",
    region: Annotated[str | None, typer.Option(help="Without: that of the AWS configuration.")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="Ask this address instead of AWS.")] = None,
    output: Annotated[str, typer.Option(help="text or json.")] = "text",
    probe: Annotated[bool, typer.Option("--probe", help="Also settle first-day claims (docs/unverified.md).")] = False,
    agree: Annotated[bool, typer.Option("--agree", help="With --probe: probe objects may be written.")] = False,
) -> int:
    """Say what is wrong with a deployment, why it matters, and the mend; exit code 1 if anything is. Writes nothing."""
    # What a run needs takes a while to import; other commands do without.
    from workbench.doctor.run import Asked, Wanted, clients, run  # noqa: PLC0415 - as said above
    from workbench.doctor.stack import Named  # noqa: PLC0415 - same

    if output not in ("text", "json"):
        raise UsageError(f"--output {output}: is not known; give text or json")
    if agree and not probe:
        raise UsageError("--agree: goes with --probe alone")
    names = Named(stream, lake, database, workgroup, inventory_uri)
    if stack and names != Named():
        raise UsageError("--stack: tells all names itself; give it alone, or names without it")
    client, found_region = clients(region, endpoint_url)
    return run(client, Asked(found_region, stack, names), Wanted(output == "json", probe, agree))
