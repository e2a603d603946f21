"""The audit of dependencies: it passes here, and names each fault that it is for."""

import json
import re
from email.parser import Parser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Self

import pytest
from static.templates import ROOT

from scripts.artifact.licences import is_allowed, licence_of
from scripts.artifact.lock import Pin
from scripts.audit import REVIEW, SHIPPED_LICENCES, SHIPS, TESTS, audit, main, unlicensed

NOWHERE = "http://127.0.0.1:9/"
HASH = "a" * 64
SIX = f"six==1.17.0 \\\n    --hash=sha256:{HASH}\n    # via -r src/requirements.in\n"
PYTEST = f"pytest==9.2.0 \\\n    --hash=sha256:{HASH}\n    # via -r requirements/dev.in\n"
WEAK_COPYLEFT = f"hypothesis==6.170.15 \\\n    --hash=sha256:{HASH}\n    # via -r src/requirements.in\n"
REVIEWED = "| six | MIT | something | one person |\n"
DUAL = """License: Dual License
Classifier: License :: OSI Approved :: BSD License
Classifier: License :: OSI Approved :: Apache Software License"""
BILL = {"components": [{"name": "ours", "purl": "pkg:generic/x@1#ours"}]}


@pytest.fixture
def repository(tmp_path):
    """A repository in which all is well: writes its files again, with changes."""

    def write(ships=SIX, tests=SIX + PYTEST, review=REVIEWED, bill=None) -> Path:
        files = {SHIPS: ships, TESTS: tests, REVIEW: review, "build/x.sbom.json": json.dumps(bill or BILL)}
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)
        return tmp_path

    return write


def wheel(name="six", version="1.17.0", digest=HASH, file="six-1.17.0-py2.py3-none-any.whl"):
    """A bill of materials that names one package."""
    hashes = [{"alg": "SHA-256", "content": digest}]
    purl = f"pkg:pypi/{name}@{version}?file_name={file}"
    return {"components": [{"name": name, "version": version, "purl": purl, "hashes": hashes}]}


def test_this_repository_passes(capsys):
    """Pins, hashes, licences and reviews are in order; nothing is asked of anybody."""
    assert main(["--offline"]) == 0
    out = capsys.readouterr().out
    assert "FAULT" not in out
    assert re.search(r"13 packages ship, each reviewed", out)
    assert "not asked for" in out


def test_a_repository_in_order_has_no_faults(repository):
    """So that each fault below is the change's."""
    result = audit(repository(bill=wheel()), None)
    assert result.faults == []
    assert len(result.said) == 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ships": "six==1.17.0\n"}, "six has no hash"),
        ({"ships": SIX.replace("==", ">=")}, "six has no exact version"),
        ({"ships": "--index-url x\n" + SIX}, "names where packages come from"),
        ({"ships": SIX + "idna @ https://elsewhere.example/idna.whl\n"}, "names where packages come from"),
        ({"ships": ""}, "holds nothing"),
        ({"tests": SIX.replace("1.17.0", "1.16.0") + PYTEST}, "six 1.17.0 ships, 1.16.0 is tested"),
        ({"tests": SIX.replace(HASH, "b" * 64) + PYTEST}, "six 1.17.0 ships, 1.17.0 is tested"),
        ({"tests": PYTEST}, "six 1.17.0 ships, nothing is tested"),
        ({"review": ""}, "six ships, and 0010-dependencies.md has no line for it"),
        ({"review": REVIEWED + "| seven | MIT | nothing | nobody |\n"}, "reviews seven, which does not ship"),
        ({"review": REVIEWED.replace("MIT", "GPL-3.0-only")}, "six says its licence is MIT"),
        (
            {"ships": WEAK_COPYLEFT, "tests": WEAK_COPYLEFT, "review": "| hypothesis | MPL-2.0 | tests | people |\n"},
            "hypothesis is MPL-2.0, which may not ship",
        ),
        ({"bill": wheel(file="six-1.17.0.tar.gz")}, "is no wheel of src/requirements.txt"),
        ({"bill": wheel(digest="b" * 64)}, "is no wheel of src/requirements.txt"),
        ({"bill": wheel(version="1.16.0")}, "is no wheel of src/requirements.txt"),
        ({"bill": wheel(name="seven")}, "is no wheel of src/requirements.txt"),
    ],
)
def test_each_fault_is_named(change, said, repository):
    """One line that says what, where and the mend."""
    faults = audit(repository(**change), None).faults
    assert [fault for fault in faults if said in fault], faults
    assert all(fault.isprintable() for fault in faults)


def test_a_tool_under_a_licence_that_nobody_allowed_is_named():
    """What asks more than the list allows; a package that is not installed here says nothing."""
    lock = {name: Pin("1", frozenset(), frozenset()) for name in ("hypothesis", "six", "no-such-package")}
    assert list(unlicensed(lock)) == []
    (fault,) = unlicensed(lock, SHIPPED_LICENCES)
    assert fault.startswith("hypothesis: licence MPL-2.0; look at it")


class Osv(HTTPServer):
    """Answers as OSV does, from a table: name → ids of advisories; or with bytes of our choice."""

    class _Handler(BaseHTTPRequestHandler):
        server: "Osv"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.asked += asked["queries"]
            found = [self.server.known.get(query["package"]["name"]) for query in asked["queries"]]
            results = [{"vulns": [{"id": each, "modified": "2026"} for each in ids]} if ids else {} for ids in found]
            body = self.server.body or json.dumps({"results": results}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silent."""

    def __init__(self, known=None, body=b"") -> None:
        super().__init__(("127.0.0.1", 0), self._Handler)
        self.known, self.body, self.asked = known or {}, body, []

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/v1/querybatch"


def test_a_vulnerability_of_what_ships_fails_and_of_a_tool_is_told(repository):
    """Every package is asked for once, in its pinned version."""
    with Osv({"six": ["GHSA-1", "PYSEC-2"], "pytest": ["GHSA-3"]}) as osv:
        result = audit(repository(), osv.address)
    assert result.faults == ["six 1.17.0 ships with GHSA-1, PYSEC-2"]
    assert result.said[-1] == "known vulnerabilities: pytest 9.2.0, a tool, has GHSA-3"
    assert sorted((query["package"]["name"], query["version"]) for query in osv.asked) == [
        ("pytest", "9.2.0"),
        ("six", "1.17.0"),
    ]
    assert {query["package"]["ecosystem"] for query in osv.asked} == {"PyPI"}


def test_where_none_is_known_that_is_said(repository):
    """An answer about all packages."""
    with Osv() as osv:
        result = audit(repository(), osv.address)
    assert result.faults == []
    assert result.said[-1] == "known vulnerabilities: none in the 1 packages that ship"


@pytest.mark.parametrize(
    "body", [b"{}", b"no json", b'{"results": [{}]}', b'{"results": [1, 2]}', b'{"results": [{"vulns": 1}, {}]}']
)
def test_an_answer_to_something_else_is_no_clean_bill(body, repository):
    """Skipped, loudly; nothing fails because a service does."""
    with Osv(body=body) as osv:
        result = audit(repository(), osv.address)
    assert result.faults == []
    assert "SKIPPED" in result.said[-1]


def test_without_network_the_look_up_is_skipped(repository):
    """The rest of the audit stands."""
    result = audit(repository(), NOWHERE)
    assert result.faults == []
    assert "SKIPPED" in result.said[-1]


@pytest.mark.parametrize(
    ("headers", "licence"),
    [
        ("License-Expression: BSD-3-Clause AND MIT\nLicense: nonsense", "BSD-3-Clause AND MIT"),
        ("License: MIT", "MIT"),
        ("License: Apache License, Version 2.0", "Apache-2.0"),
        (DUAL, "Apache-2.0 OR BSD-3-Clause"),
        ("Classifier: License :: OSI Approved :: MIT License\nClassifier: Topic :: Utilities", "MIT"),
        ("Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: Other/Proprietary License", None),
        ("License: ask my lawyer", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_licence_is_what_the_package_says(headers, licence):
    """The expression first, then the text, then the classifiers; what is not known is not guessed."""
    assert licence_of(Parser().parsestr(f"Name: x\n{headers}\n")) == licence


@pytest.mark.parametrize(
    ("expression", "is_fine"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND Apache-2.0", True),
        ("(MIT)", False),
        ("mit", False),
    ],
)
def test_one_choice_of_a_licence_must_be_allowed_whole(expression, is_fine):
    """OR leaves a choice, AND does not; parentheses are for a person to read."""
    assert is_allowed(expression, SHIPPED_LICENCES) is is_fine


def test_continuous_integration_audits_what_it_built():
    """Behind the artefact, whose bills it reads; without asking anybody."""
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert script.index("make artifact\n") < script.index("make audit AUDIT=--offline\n")
