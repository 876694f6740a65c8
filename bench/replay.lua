-- wrk's side of a benchmark: sends requests made beforehand, each once, in their order.
-- Arguments: a file of requests, each behind its length in eight digits.
require("bench.result")

local requests, at

function init(args)
  local file = assert(io.open(args[1], "rb"))
  requests, at = file:read("*a"), 1
  file:close()
end

function request()
  local length = tonumber(requests:sub(at, at + 7))
  if length == nil then
    error("there are no requests left")
  end
  local from = at + 8
  at = from + length
  return requests:sub(from, at - 1)
end
