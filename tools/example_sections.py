"""Shows `Example:` of a docstring as code on the site: an extension that `mkdocs.yml` names.

griffe knows such a section as `Examples:` alone and would take the other for prose.
"""

from __future__ import annotations

from typing import Any

import griffe


class ExampleSections(griffe.Extension):
    """Reads each docstring as if its examples were headed by the plural."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rename the section."""
        if obj.docstring is not None:
            obj.docstring.value = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")
