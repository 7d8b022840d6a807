"""For the tests of every room."""

from __future__ import annotations

from hypothesis import settings

# No test judges speed: on a busy machine the first example, which imports what it needs, takes longer than 200 ms.
settings.register_profile("untimed", deadline=None, print_blob=True)
settings.load_profile("untimed")
