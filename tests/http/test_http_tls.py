from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from airflow_integrations.errors import SetupError
from airflow_integrations.http import Request


def write_certificate(path):
    """A self-signed certificate for 127.0.0.1, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return str(path)


@pytest.fixture
async def secure(tmp_path):
    """A server with its own certificate that also asks for ours; its URL, our file, and whether it saw one."""
    theirs, ours = write_certificate(tmp_path / "server.pem"), write_certificate(tmp_path / "client.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(theirs)
    context.load_verify_locations(ours)
    context.verify_mode = ssl.CERT_OPTIONAL
    seen = []

    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        seen.append(writer.get_extra_info("peercert"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", theirs, ours, seen
    server.close()
    await server.wait_closed()


async def test_certificates(secure, connect, clock):
    url, theirs, ours, seen = secure
    client = await connect(url)
    with pytest.raises(SetupError, match=r"shop: GET /: its certificate is not trusted"):
        await client.send(Request("GET", "/"))
    assert clock.slept == []
    for verify in (theirs, False):
        client = await connect(url, verify=verify)
        assert (await client.send(Request("GET", "/"))).content == b"ok"
    assert not any(seen)
    client = await connect(url, verify=theirs, client_cert=ours)
    assert (await client.send(Request("GET", "/"))).content == b"ok"
    assert seen[-1]
