"""`harness tune`: searches over settings, as runs like any others."""
