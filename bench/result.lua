-- What every script of ours ends with: one line that bench/load.py reads.
function done(summary, latency)
  local errors = summary.errors
  print(string.format("result %d %d %d %d %d %d", summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, summary.duration,
    latency:percentile(50), latency:percentile(99)))
end
