"""From the outbox to people: at least once, in order, safely."""
