"""The newest revision can be taken back and done again on a database without rows of its own."""

from alembic import command

from luochui.operations import migrations


def test_the_newest_revision_goes_back_and_forth(database: str) -> None:
    config = migrations._config()
    config.attributes["url"] = database
    newest = migrations.schema(database).current
    command.downgrade(config, "-1")
    try:
        assert migrations.schema(database).current != newest
    finally:
        command.upgrade(config, "head")
    assert migrations.schema(database).current == newest
