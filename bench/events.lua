-- wrk's side of a benchmark: each request reports an event of one type, for an integration and a tenant of its choice.
-- Arguments: api key, event type, integrations, tenants.
require("bench.result")

local key, event_type, integrations, tenants
local thread_count = 0

function setup(thread)
  thread:set("thread_number", thread_count)
  thread_count = thread_count + 1
end

function init(args)
  key, event_type, integrations, tenants = args[1], args[2], tonumber(args[3]), tonumber(args[4])
  math.randomseed(os.time() * 1000 + thread_number)
end

function request()
  local integration, tenant = math.random(0, integrations - 1), math.random(0, tenants - 1)
  local body = '{"integrationKey":"integration-' .. integration .. '","eventType":"' .. event_type
    .. '","tenantId":"customer-' .. tenant .. '","errorCode":"503","rawPayload":{"endpoint":"/v2/webhooks/deliver",'
    .. '"durationMs":12043,"attemptNumber":3}}'
  return "POST /api/v1/events HTTP/1.1\r\nHost: bench\r\nX-Api-Key: " .. key
    .. "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end
