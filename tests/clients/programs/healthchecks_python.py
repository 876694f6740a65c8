"""What a program looks like that pings with a decorator. The URL is in the environment, as its documents say."""

import sys

from healthchecks_decorator import healthcheck


@healthcheck(send_start=True, send_diagnostics=True)
def import_orders(number: int) -> dict[str, int]:
    return {"orders": 1_000 // number, "skipped": 3}


import_orders(int(sys.argv[1]))
