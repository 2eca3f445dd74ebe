# mypy: disable-error-code="no-untyped-call"
"""Fields in the structure of a tagged document: PDF/UA wants every widget where a reading voice comes by."""

from typing import Any

from pyhanko.pdf_utils import generic

from signing.pdf.update import Update, dictionary, name, number, text, widgets_of


def tag_field(update: Update, field: Any, label: str) -> None:
    """Name the field, and put its widgets at the end of the document's structure when there is one."""
    holder = field.get_object()
    holder[name("/TU")] = text(label)
    if "/StructTreeRoot" not in update.root:
        return
    tree: Any = update.root["/StructTreeRoot"]
    if not {"/K", "/ParentTree", "/ParentTreeNextKey"} <= set(tree) or "/Nums" not in tree["/ParentTree"]:
        return
    document = _document(tree)
    for widget in widgets_of(field):
        _tag(update, tree, document, widget, label)


def _document(tree: Any) -> Any:
    """The reference of the element that holds all others."""
    kids = tree["/K"]
    return kids.raw_get(0) if isinstance(kids, generic.ArrayObject) else tree.raw_get("/K")


def _tag(update: Update, tree: Any, document: Any, widget: Any, label: str) -> None:
    holder = widget.get_object()
    key = int(tree["/ParentTreeNextKey"])
    place = dictionary(Type=name("/OBJR"), Obj=widget, Pg=holder.raw_get("/P"))
    element = update.add_object(
        dictionary(
            Type=name("/StructElem"),
            S=name("/Form"),
            P=document,
            Pg=holder.raw_get("/P"),
            Alt=text(label),
            K=place,
        )
    )
    holder[name("/StructParent")] = number(key)
    numbered = tree["/ParentTree"]
    numbered["/Nums"] += [number(key), element]
    tree[name("/ParentTreeNextKey")] = number(key + 1)
    document.get_object()["/K"].append(element)
    for changed in (tree, numbered, numbered["/Nums"], document.get_object(), document.get_object()["/K"]):
        update.update_container(changed)
