"""Requests whose body is too large, never comes, or comes from a client that leaves."""

import socket
from urllib.parse import urlsplit

import pytest

from tests.contract.paper_house import House


@pytest.fixture
def house():
    house = House()
    yield house
    house.close()


def posting(house, path: str, header: str, body: bytes) -> socket.socket:
    """A client that has sent these raw bytes."""
    client = socket.create_connection(("127.0.0.1", urlsplit(house.url).port), timeout=10)
    client.sendall(f"POST {path} HTTP/1.1\r\nHost: here\r\n{header}\r\n\r\n".encode() + body)
    return client


def answered(house, path: str, header: str, body: bytes) -> bytes:
    """What the server says until it closes."""
    with posting(house, path, header, body) as client:
        return b"".join(iter(lambda: client.recv(4096), b""))


@pytest.mark.parametrize("path", ["/0/private/Balance", "/0/public/Time", "/nowhere"])
def test_it_refuses_a_declared_length_beyond_its_limit_at_once(house, path):
    said = answered(house, path, "Content-Length: 99999999999", b"nonce=1")
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in said


def test_it_refuses_chunks_beyond_its_limit(house):
    chunk = b"40000\r\n" + b"x" * 0x40000 + b"\r\n"
    said = answered(house, "/0/private/Balance", "Transfer-Encoding: chunked", chunk + chunk)
    assert said.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", ["/0/private/Balance", "/0/public/Time"])
def test_it_does_not_wait_for_a_body_without_end(path):
    house = House(body_seconds=0.05)
    said = answered(house, path, "Content-Length: 100", b"nonce=1")
    house.close()
    assert said.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("length", [100, 99_999_999_999])
def test_a_client_that_leaves_is_no_fault_of_the_server(house, caplog, length):
    with posting(house, "/0/private/Balance", f"Content-Length: {length}", b"nonce=1"):
        house.wait_until(lambda server: server.requests_count == 1)
    house.wait_until(lambda server: not server.connections)
    assert house.result("Balance")
    assert [record for record in caplog.records if record.exc_info] == []


def test_a_body_that_is_not_what_it_says_is_the_clients_fault(house, caplog):
    said = answered(house, "/0/private/Balance", "Content-Encoding: gzip\r\nContent-Length: 7", b"nonce=1")
    assert said.startswith(b"HTTP/1.1 400 ")
    assert [record for record in caplog.records if record.exc_info] == []
