-- wrk's side of a benchmark: each request pings a stream of its own choice under a run id nobody used before.
-- Arguments: api key, label (unique to this run), jobs, tenants, and `spared`: 0, or every how many tenants one is
-- left in peace (tenant numbers divisible by it).
require("bench.result")

local key, label, jobs, tenants, spared
local order, at, number = {}, 0, 0
local thread_count = 0

function setup(thread)
  thread:set("thread_number", thread_count)
  thread_count = thread_count + 1
end

local function shuffle(list)
  for i = #list, 2, -1 do
    local j = math.random(i)
    list[i], list[j] = list[j], list[i]
  end
end

function init(args)
  key, label = args[1], args[2] .. "-" .. thread_number .. "-"
  jobs, tenants, spared = tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
  math.randomseed(os.time() * 1000 + thread_number)
  local most = math.min(jobs * tenants, 100000)
  while #order < most do
    local stream = most == jobs * tenants and #order or math.random(0, jobs * tenants - 1)
    order[#order + 1] = stream
  end
  shuffle(order)
end

local function next_stream()
  repeat
    at = at % #order + 1
    local stream = order[at]
    local tenant = stream % tenants
    if spared == 0 or tenant % spared ~= 0 then
      return (stream - tenant) / tenants, tenant
    end
  until false
end

function request()
  local job, tenant = next_stream()
  number = number + 1
  local body = '{"tenantId":"tenant-' .. tenant .. '","status":"success","runId":"' .. label .. number .. '"}'
  return "POST /api/v1/jobs/job-" .. job .. "/ping HTTP/1.1\r\nHost: bench\r\nX-Api-Key: " .. key
    .. "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end
