"""A docstring in parts: the text, an example and the version that added the option."""

from __future__ import annotations

from airflow_integrations.config.option_doc import OptionDoc, option_doc


def test_a_text_alone() -> None:
    assert option_doc("""What it is.""") == OptionDoc("What it is.")


def test_an_example_of_one_line_loses_its_backticks_and_keeps_what_is_in_it() -> None:
    found = option_doc(
        """What it is, such as
        ``a``.

        Example: ``path: /customers/{{ order.id | slug }}``
        Since: 0.2
        """
    )
    assert found == OptionDoc("What it is, such as\n``a``.", "path: /customers/{{ order.id | slug }}", "0.2")


def test_a_longer_example_keeps_its_lines() -> None:
    found = option_doc(
        """What it is.

        Example:
            size: 250
            more:
              - a: ``b``
        """
    )
    assert found.example == "size: 250\nmore:\n  - a: ``b``"


def test_the_word_within_a_sentence_begins_nothing() -> None:
    assert option_doc("For Example: this.").example is None
