"""The table of what first-party plugins contribute."""

from kerasx.first_party import TABLE, contributed


def test_table_is_what_the_plugins_contribute():
    assert contributed() == TABLE, "run: python -m kerasx.first_party"
