"""Durations in a form that can be added up: quantiles of it are right within 1 %.

A bucket holds all durations within 1 % of its middle, whatever their size; counting in buckets so tells a day's median
from its hours', and a month's from its days', where medians themselves cannot be added. (After DDSketch, VLDB 2019.)
"""

import json
from collections import Counter
from math import ceil, log

ERROR = 0.01
_GROWTH = (1 + ERROR) / (1 - ERROR)
_LOG = log(_GROWTH)
#: For durations under a microsecond.
_NOTHING = -1

#: How many durations lie in each bucket.
Sketch = Counter[int]


def bucket_of(duration: int) -> int:
    """The bucket of a duration in microseconds."""
    return _NOTHING if duration < 1 else ceil(log(duration) / _LOG)


def quantile(sketch: Sketch, share: float) -> int | None:
    """The least duration that `share` of all do not exceed, in microseconds and within 1 %; None: there are none."""
    rank = max(ceil(share * sketch.total()), 1)
    for bucket in sorted(sketch):
        rank -= sketch[bucket]
        if rank <= 0:
            return 0 if bucket == _NOTHING else round(2 * _GROWTH**bucket / (_GROWTH + 1))
    return None


def written(sketch: Sketch) -> str | None:
    """As it is kept; nothing where it is empty."""
    return json.dumps(sketch, separators=(",", ":")) if sketch else None


def read(text: str | None) -> Sketch:
    return Counter({int(bucket): times for bucket, times in json.loads(text or "{}").items()})
