"""The imperative shell: load, decide, apply, in one transaction."""
