"""A workspace's monitoring as a file: read, compared with what a server has, and brought there over its API."""
