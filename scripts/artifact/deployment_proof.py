"""Run inside the deployment function's artefact, alone: `python -I -S -B deployment_proof.py TREE SERVICES`.

A deployment of what the artefact carries, with clients that are dictionaries and CloudFormation on a loopback address;
then the real clients are made. Imports by name, because what is imported must come from TREE. Prints one line, or
raises.
"""

import io
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

PROPERTIES = {
    "Bucket": "proof-lake",
    "Database": "proof",
    "WorkGroup": "proof",
    "RefreshFunction": "proof-refresh",
    "Version": "1",
}


class DictionaryCloud:
    """As much of three AWS clients as the function uses: objects by key, statements as they came."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.statements: list[str] = []

    def invoke(self, **_: Any) -> dict[str, Any]:
        """A refresher that works."""
        return {"Payload": io.BytesIO(b"{}")}

    def put_object(self, **request: Any) -> None:
        """Keep the object's bytes."""
        self.objects[request["Key"]] = request["Body"]

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        """Keep the statement."""
        self.statements.append(request["QueryString"])
        return {"QueryExecutionId": "1"}

    def get_query_execution(self, **_: Any) -> dict[str, Any]:
        """Done at once."""
        return {"QueryExecution": {"Status": {"State": "SUCCEEDED"}}}


class CloudFormation(HTTPServer):
    """Takes one answer."""

    told: dict[str, Any]

    class _Handler(BaseHTTPRequestHandler):
        server: "CloudFormation"

        def do_PUT(self) -> None:
            """Keep the answer."""
            self.server.told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self._Handler)
        Thread(target=self.serve_forever, daemon=True).start()


def main(tree: str, services: list[str]) -> str:
    """Import from ``tree``, deploy once, make the clients; returns what to tell."""
    sys.path.insert(0, tree)
    shell, boto3 = import_module("deployment.handler"), import_module("boto3")
    for module in (shell, boto3):
        if not str(module.__file__).startswith(tree):
            raise RuntimeError(f"{module.__name__} came from {module.__file__}")
    stack, cloud = CloudFormation(), DictionaryCloud()
    sender = import_module("deployment.answer").Sender(check=lambda _: None)
    environment = shell.Environment(Path(tree, "bundle"), lambda _: cloud, sender=sender)
    event = {
        "RequestType": "Create",
        "ResponseURL": f"http://127.0.0.1:{stack.server_port}/?signature",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/proof/1",
        "RequestId": "1",
        "LogicalResourceId": "Deployment",
        "ResourceProperties": PROPERTIES,
    }
    environment.handle(event, 300.0)
    if stack.told["Status"] != "SUCCESS" or len(cloud.statements) != int(stack.told["Data"]["Views"]):
        raise RuntimeError(f"CloudFormation was told {stack.told}")
    if not all(statement.startswith("CREATE OR REPLACE VIEW ") for statement in cloud.statements):
        raise RuntimeError("a view's file does not begin with its statement")
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    for service in services:
        boto3.client(service, region_name="us-east-1", **keys)
    return f"one deployment: {len(cloud.objects)} files, {len(cloud.statements)} views, {len(services)} AWS clients"


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2].split(",")))
