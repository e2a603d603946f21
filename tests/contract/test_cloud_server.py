"""The stand-in's HTTP: connections that stay, bodies in every form, and what becomes of those that break."""

import http.client
import socket
import struct
import threading
from contextlib import contextmanager

import pytest

from workbench.cloud.front import ResetConnectionError
from workbench.cloud.server import HOST, LoopbackServer

RESET = struct.pack("ii", 1, 0)


def application(environ, start_response):
    """Answers with what came; paths name what else happens."""
    body = environ["wsgi.input"].read()
    told = {"closes": Closing()}.get(environ["PATH_INFO"].strip("/"), [body])
    length = 100 if environ["PATH_INFO"] == "/short" else len(body)
    if environ["PATH_INFO"] == "/broken":
        raise ValueError("a defect")
    if environ["PATH_INFO"] == "/reset":
        raise ResetConnectionError
    status = "204 No Content" if environ["PATH_INFO"] == "/nothing" else "200 OK"
    start_response(status, [] if environ["PATH_INFO"] in ("/nothing", "/unsaid") else [("content-length", str(length))])
    return told


class Closing(list):
    """A body that counts how often it was closed."""

    closed = 0

    def close(self) -> None:
        """See WSGI."""
        Closing.closed += 1


@contextmanager
def served(app=application):
    """A server, and a connection to it."""
    server = LoopbackServer(app, 0)
    connection = http.client.HTTPConnection(HOST, int(server.endpoint.rpartition(":")[2]), timeout=5)
    try:
        yield server, connection
    finally:
        connection.close()
        server.stop()


def asked(connection, path="/", body=b"abc", method="POST", *, is_chunked=False):
    """Status and body of an answer, and the port that it was asked from."""
    headers = {"Transfer-Encoding": "chunked"} if is_chunked else {}
    connection.request(method, path, body, headers, encode_chunked=is_chunked)
    port = connection.sock.getsockname()[1]
    answer = connection.getresponse()
    return answer.status, answer.read(), port


def test_a_connection_serves_many_requests():
    """As AWS's do: whatever the answer is, if it came whole."""
    with served() as (_, connection):
        found = [
            asked(connection),
            asked(connection, "/nothing"),
            asked(connection, method="HEAD"),
            asked(connection, body=b"x" * 1_000_000),
        ]

    assert [answer[:2] for answer in found] == [(200, b"abc"), (204, b""), (200, b""), (200, b"x" * 1_000_000)]
    assert len({port for *_, port in found}) == 1


def test_a_body_in_chunks_arrives_whole():
    """And the connection is good for another request."""
    with served() as (_, connection):
        first = asked(connection, body=iter([b"ab", b"c"]), is_chunked=True)
        second = asked(connection)

    assert (first, second) == ((200, b"abc", first[2]), (200, b"abc", first[2]))


def test_a_body_without_a_length_ends_with_its_connection():
    """Nothing else says where it ends."""
    with served() as (_, connection):
        first, second = asked(connection, "/unsaid"), asked(connection)

    assert (first[:2], second[:2], first[2] != second[2]) == ((200, b"abc"), (200, b"abc"), True)


def test_a_body_that_is_cut_short_ends_at_once():
    """Nobody waits for the rest."""
    with served() as (_, connection), pytest.raises(http.client.IncompleteRead, match="3 bytes read, 97 more"):
        asked(connection, "/short")


def test_a_defect_is_a_500_and_no_lost_connection(caplog):
    """Clients would try again and again, and tests pass that should not."""
    with served() as (_, connection):
        found = asked(connection, "/broken")[0], asked(connection)[0]

    assert found == (500, 200)
    assert "ValueError: a defect" in caplog.text


def test_a_reset_is_one():
    """Without a word."""
    with served() as (_, connection), pytest.raises(ConnectionResetError):
        asked(connection, "/reset")


def test_a_body_that_does_not_come_whole_reaches_nobody():
    """A client that died while it sent has asked for nothing."""
    met = []

    def noting(environ, start_response) -> list[bytes]:
        met.append(environ["wsgi.input"].read())
        start_response("200 OK", [("Content-Length", "0")])
        return []

    with served(noting) as (_, connection):
        connection.connect()
        connection.sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        connection.sock.shutdown(socket.SHUT_WR)
        assert connection.sock.recv(100) == b""

    assert met == []


def test_an_answer_is_closed():
    """WSGI demands it."""
    before = Closing.closed
    with served() as (_, connection):
        assert asked(connection, "/closes", b"")[0] == 200

    assert Closing.closed == before + 1


def test_a_server_stops_whatever_its_clients_do():
    """One waits with its connection open, another has reset it while it was answered; neither is answered again."""
    entered, leave = threading.Event(), threading.Event()

    def slow(environ, start_response) -> list[bytes]:
        if environ["PATH_INFO"] == "/slow":
            entered.set()
            leave.wait(5)
        start_response("200 OK", [("Content-Length", "0")])
        return []

    server = LoopbackServer(slow, 0)
    port = int(server.endpoint.rpartition(":")[2])
    idle = http.client.HTTPConnection(HOST, port, timeout=5)
    assert asked(idle)[0] == 200
    gone = socket.create_connection((HOST, port))
    gone.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
    assert entered.wait(5)
    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    gone.close()
    server.stop()
    leave.set()

    assert idle.sock.recv(100) == b""
    idle.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port))
