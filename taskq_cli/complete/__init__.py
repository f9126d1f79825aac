"""Completion in the shell: which words may stand where the cursor is."""
