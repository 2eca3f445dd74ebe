"""A block that no parent has is never shown, and nothing says so: a page lost the script of its button."""

from gettext import NullTranslations

from jinja2 import nodes

from web.pages import _environment

environment = _environment("zh_CN", NullTranslations())


def blocks(name: str) -> set[str]:
    """All that a template and its parents define."""
    tree = environment.parse(_source(name))
    found = {block.name for block in tree.find_all(nodes.Block)}
    return found.union(*(blocks(parent) for parent in _parents(tree)))


def _source(name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _parents(tree: nodes.Template) -> list[str]:
    return [
        node.template.value for node in tree.find_all(nodes.Extends) if isinstance(node.template, nodes.Const)
    ]


def test_every_block_of_a_page_stands_in_a_template_that_it_extends() -> None:
    looked_at, lost = 0, []
    for name in environment.list_templates(extensions=["html"]):
        if name.startswith("back_office/"):  # extends a template of another package
            continue
        tree = environment.parse(_source(name))
        for parent in _parents(tree):
            looked_at += 1
            own = {node.name for node in tree.body if isinstance(node, nodes.Block)}
            lost += [f"{name}: {block}" for block in sorted(own - blocks(parent))]
    assert looked_at > 50
    assert lost == []
