"""XML that is held against a schema: what breaks it is rejected alone, and nothing is fetched for it."""

from __future__ import annotations

import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from airflow_integrations.config.file_reference import Folder
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.options import XmlRead
from airflow_integrations.formats.xml import XmlReader
from airflow_integrations.route.definition import Route
from airflow_integrations.route.files.named import named_files
from airflow_integrations.route.files.packed import pack, unpack

HEAD = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"%s>'
ORDER = """<xs:element name="order"><xs:complexType><xs:sequence>
  <xs:element name="id" type="xs:int"/><xs:element name="total" type="xs:decimal" minOccurs="0"/>
</xs:sequence><xs:attribute name="kind" type="xs:token"/></xs:complexType></xs:element>"""
PLAIN = HEAD % "" + ORDER + "</xs:schema>"


@pytest.fixture
def options(tmp_path: Path) -> Callable[..., XmlRead]:
    """Options of XML in a route of the folder ``routes``, with the schemas that are named."""
    routes = tmp_path / "routes"
    routes.mkdir()

    def make(files: dict[str, str] | str = PLAIN, **more: Any) -> XmlRead:
        for name, content in ({"a.xsd": files} if isinstance(files, str) else files).items():
            path = (routes / name).resolve()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        given = {"schema": "a.xsd", "record": "order", **more}
        return XmlRead.model_validate(given, context=Folder(routes, routes))

    return make


def read(options: XmlRead, content: str, *, rejects: bool = True) -> list[Any]:
    reader = XmlReader(options, rejects=rejects)
    return reader.feed(content.encode()) + reader.finish()


def test_a_record_that_breaks_it_is_rejected_alone_with_its_line(options: Any) -> None:
    content = """<?xml version="1.0"?>
<orders>
<order><id>1</id><total>1.5</total></order>
<order>
  <id>x</id>
  <sum>2</sum>
</order>
<order kind="a"><id>3</id></order>
</orders>"""
    first, bad, last = read(options(), content)
    assert first == {"id": "1", "total": "1.5"}
    assert last == {"@kind": "a", "id": "3"}
    assert isinstance(bad, BadRecord)
    assert bad.reason.startswith("record 2: line 5: Element 'id': 'x' is not a valid value of the atomic type 'xs:int'")
    assert "; line 6: Element 'sum': This element is not expected. Expected is ( total )" in bad.reason
    assert bad.content.startswith("<order>")
    with pytest.raises(ContentError, match="line 5"):
        read(options(), content, rejects=False)


def test_namespaces_includes_and_imports(options: Any) -> None:
    files = {
        "a.xsd": HEAD
        % ' targetNamespace="urn:o" xmlns="urn:o" xmlns:t="urn:t" elementFormDefault="qualified"'
        + '<xs:include schemaLocation="parts/b.xsd"/><xs:import namespace="urn:t" schemaLocation="parts/t.xsd"/>'
        '<xs:element name="order"><xs:complexType><xs:sequence><xs:element ref="line" maxOccurs="9"/>'
        '<xs:element ref="t:note"/></xs:sequence></xs:complexType></xs:element></xs:schema>',
        "parts/b.xsd": HEAD % "" + '<xs:include schemaLocation="../a.xsd"/><xs:element name="line" type="xs:int"/>'
        "</xs:schema>",
        "parts/t.xsd": HEAD % ' targetNamespace="urn:t"' + '<xs:element name="note" type="xs:date"/></xs:schema>',
    }
    document = '<o xmlns="urn:o" xmlns:t="urn:t"><order><line>%s</line><t:note>2026-03-01</t:note></order></o>'
    found = options(files, namespaces={"t": "urn:t"})
    assert read(found, document % 1) == [{"line": "1", "t:note": "2026-03-01"}]
    assert isinstance(read(found, document % "one")[0], BadRecord)
    assert "No matching global declaration" in read(options(files), document.replace("urn:o", "urn:p") % 1)[0].reason


def test_without_record_the_document_is_checked_as_a_whole(options: Any) -> None:
    assert read(options(record=None), "<order><id>1</id></order>") == [{"order": {"id": "1"}}]
    with pytest.raises(ContentError, match="line 2: Element 'id': 'x' is not a valid value"):
        read(options(record=None), "<order>\n<id>x</id></order>")


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (PLAIN.replace('name="order"', 'name="invoice"'), "no global element 'order'.*Global elements: invoice"),
        ("<a/>", "a.xsd is not an XML Schema: its root is 'a'"),
        ("<xs:schema", "a.xsd is not XML"),
        (HEAD % "" + '<xs:element name="order" type="nope"/></xs:schema>', "a.xsd is not a schema: .*nope"),
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + PLAIN, "has a DTD"),
        (PLAIN.replace(ORDER, '<xs:include schemaLocation="b.xsd"/>' + ORDER), "imports b.xsd, and that file is"),
        (PLAIN.replace(ORDER, '<xs:include schemaLocation="../../b.xsd"/>' + ORDER), "outside of the routes folder"),
        (PLAIN.replace(ORDER, '<xs:include schemaLocation="/etc/b.xsd"/>' + ORDER), "is not a file beside it"),
        (PLAIN.replace(ORDER, '<xs:include schemaLocation="%2e%2e/b.xsd"/>' + ORDER), "is not a file beside it"),
        (PLAIN.replace(ORDER, '<xs:import schemaLocation="http://127.0.0.1/b.xsd"/>' + ORDER), "save that schema"),
        (PLAIN.replace(ORDER, '<xs:import schemaLocation="\\\\host\\b.xsd"/>' + ORDER), "save that schema"),
    ],
)
def test_a_schema_that_cannot_be_used_is_a_mistake_of_the_route(options: Any, files: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        options(files)


def test_a_link_out_of_the_routes_folder_is_not_followed(options: Any, tmp_path: Path) -> None:
    (tmp_path / "secret.xsd").write_text(PLAIN)
    (tmp_path / "routes" / "b.xsd").symlink_to(tmp_path / "secret.xsd")
    with pytest.raises(ValidationError, match="outside of the routes folder"):
        options(PLAIN.replace(ORDER, '<xs:include schemaLocation="b.xsd"/>'))


@pytest.fixture
def asked() -> Iterator[tuple[int, list[Any]]]:
    """A port, and who came."""
    came: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def wait() -> None:
            while True:
                try:
                    connection, who = server.accept()
                except OSError:
                    return
                came.append(who)
                connection.close()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_a_document_names_no_schema(options: Any, asked: tuple[int, list[Any]], tmp_path: Path) -> None:
    port, came = asked
    other = tmp_path / "loose.xsd"
    other.write_text(HEAD % ' targetNamespace="urn:x"' + '<xs:element name="order"/></xs:schema>')
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    for place in (f"http://127.0.0.1:{port}/a.xsd", other.as_uri(), str(other)):
        for hint in (f'xsi:schemaLocation="urn:x {place}"', f'xsi:noNamespaceSchemaLocation="{place}"'):
            for space in ("", ' xmlns="urn:x"'):
                (found,) = read(options(), f"<o {xsi}><order {hint}{space}><nonsense/></order></o>")
                assert isinstance(found, BadRecord)
    assert not came


def test_what_a_hostile_record_makes_of_its_reason_is_bounded(options: Any) -> None:
    many = "<o><order><id>%s\x85</id>" % ("x" * 100_000) + "<sum/>" * 100 + "</order></o>"
    (found,) = read(options(), many)
    assert len(found.reason) < 2000
    assert found.reason.isprintable()
    with pytest.raises(ContentError, match="declares entities"):
        read(options(), '<!DOCTYPE o [<!ENTITY e "&#120;">]><o><order><id>&e;</id></order></o>')


def test_memory_is_flat(options: Any) -> None:
    reader = XmlReader(options(), rejects=True)
    reader.feed(b"<o>")

    def peak(times: int) -> int:
        tracemalloc.start()
        for number in range(times):
            (found,) = reader.feed(b"<order><id>%d</id></order>" % number)
            assert found == {"id": str(number)}
        told = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return told

    peak(100)
    assert peak(5000) < peak(100) + 64 * 1024


def test_what_stands_before_a_break_is_not_lost(options: Any) -> None:
    record = "<order><id>%d</id></order>"
    content = "<o>" + "".join(record % n for n in range(5)) + "<order><id>5</order>" + record % 6 + "</o>"
    reader = XmlReader(options(), rejects=True)
    assert [found["id"] for found in reader.feed(content.encode())] == ["0", "1", "2", "3", "4"]
    for more in (lambda: reader.feed(b"<order/>"), reader.finish):
        with pytest.raises(ContentError, match=r"line 1.*Nothing behind such a place is read"):
            more()


def test_a_packed_route_has_all_files_of_its_schema(options: Any, tmp_path: Path) -> None:
    options({"a.xsd": PLAIN.replace(ORDER, '<xs:include schemaLocation="p/b.xsd"/>'), "p/b.xsd": PLAIN})
    routes = tmp_path / "routes"
    files = {"path": "/in/*.xml", "xml": {"schema": "a.xsd", "record": "order"}}
    definition: dict[str, Any] = {
        "route": "o",
        "entity": {"name": "order", "key": "order.id"},
        "outgoing": {"none": {}},
    }
    listening = {"trigger": {"listen": {"files": files}}}
    for stages in ({"incoming": {"files": files}}, listening):
        route = Route.load({**definition, **stages}, folder=Folder(routes, routes))
        assert sorted(file.path.name for file in named_files(route)) == ["a.xsd", "b.xsd"]
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        assert unpack(pack(route, {}), folder)[0].entity == route.entity
