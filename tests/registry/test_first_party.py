"""The table and the stubs of what first-party plugins contribute."""

from kerasx.first_party import TABLE, contributed, stubs


def test_table_is_what_the_plugins_contribute():
    assert contributed() == TABLE, "run: python -m kerasx.first_party"


def test_stubs_are_what_the_plugins_contribute():
    written = {path: path.read_text(encoding="utf-8") for path in stubs()}
    assert written == stubs(), "run: python -m kerasx.first_party"
