"""The XML of a package: parsed without document types, entities or a network, bounded; written one way."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from lxml import etree

from signing.ofd.errors import BadMarkup, BadStructure, TooLarge

NAMESPACE: Final = "http://www.ofdspec.org/2016"
MAX_XML: Final = 8 << 20
MAX_ELEMENTS: Final = 100_000
"""In one file. How deep they may be nested, libxml2 bounds itself (256)."""
_PREFIX: Final = f"{{{NAMESPACE}}}"
_ENCODING: Final = re.compile(rb"""\A\s*<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""")

Element = etree._Element


def parse(data: bytes, path: str, root: str, max_elements: int = MAX_ELEMENTS) -> Element:
    """The root of an XML file, which has to be the OFD element `root`. Raises BadMarkup or TooLarge.

    `path` is for messages.
    """
    if len(data) > MAX_XML:
        raise TooLarge(f"{path} has {len(data)} bytes; {MAX_XML} are taken")
    if data.count(b"<") > 2 * max_elements:  # before anything is built: an element has one or two of them
        raise TooLarge(f"{path} has more than {max_elements} elements")
    _check_beginning(data, path)
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
    )
    try:
        data.decode("utf-8")
        tree = etree.fromstring(data, parser)
    except UnicodeDecodeError as error:
        raise BadMarkup(path, "its characters are not UTF-8") from error
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadMarkup(path, f"not well-formed: {str(error)[:200]}") from error
    if tree.tag != _PREFIX + root:
        raise BadMarkup(path, f"its root is not {root} of {NAMESPACE}")
    return tree


def _check_beginning(data: bytes, path: str) -> None:
    """Before the parser sees it: entities can only be declared in a document type, and are bombs."""
    if b"<!DOCTYPE" in data:
        raise BadMarkup(path, "it has a document type")
    if (declared := _ENCODING.match(data)) and declared[1].upper() not in (b"UTF-8", b"UTF8", b"US-ASCII"):
        raise BadMarkup(path, f"its encoding is {declared[1]!r}, and UTF-8 is taken")


def name_of(element: Element) -> str:
    """The name without the namespace; "" for a comment, an instruction or an element of another namespace."""
    tag = element.tag
    return tag.removeprefix(_PREFIX) if isinstance(tag, str) and tag.startswith(_PREFIX) else ""


def children(element: Element, name: str) -> Iterator[Element]:
    """The children of this name."""
    return (child for child in element if name_of(child) == name)


def only(element: Element, name: str, path: str) -> Element:
    """The one child of this name. Raises BadStructure."""
    found = optional(element, name, path)
    if found is None:
        raise BadStructure(f"{path}: {name_of(element)} has no {name}")
    return found


def optional(element: Element, name: str, path: str) -> Element | None:
    """The child of this name, or None. Raises BadStructure when there are several: readers would differ."""
    found = list(children(element, name))
    if len(found) > 1:
        raise BadStructure(f"{path}: {name_of(element)} has more than one {name}")
    return found[0] if found else None


def text(element: Element, path: str) -> str:
    """The text of an element that has nothing else in it, without space around it. Raises BadStructure."""
    if len(element):
        raise BadStructure(f"{path}: {name_of(element)} is to hold text, and holds more")
    return (element.text or "").strip()


def attribute(element: Element, name: str, path: str) -> str:
    """An attribute that has to be there. Raises BadStructure."""
    value = element.get(name)
    if value is None:
        raise BadStructure(f"{path}: {name_of(element)} has no {name}")
    return value


def make(name: str, attributes: Mapping[str, object] | None = None, *inside: Element | str) -> Element:
    """A new element of OFD with attributes in this order, and elements or a text in it."""
    element = etree.Element(_PREFIX + name, nsmap={"ofd": NAMESPACE})
    for key, value in (attributes or {}).items():
        element.set(key, str(value))
    for each in inside:
        if isinstance(each, str):
            element.text = each
        else:
            element.append(each)
    return element


def dump(root: Element) -> bytes:
    """The file of this root: UTF-8, equal bytes for equal elements."""
    etree.cleanup_namespaces(root)
    content: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return content
