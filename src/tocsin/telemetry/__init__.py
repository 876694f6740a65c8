"""How Tocsin itself is watched: log lines, metrics, health, and a heartbeat to somebody else."""
