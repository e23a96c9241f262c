-- One request for each line of a file of cookies, in turn, for ever.
-- Arguments after "--": method, path, file of cookies, index of the cookie to begin with.
local requests = {}
local at = 0

function init(args)
  for cookie in io.lines(args[3]) do
    requests[#requests + 1] = wrk.format(args[1], args[2], { Cookie = cookie })
  end
  at = tonumber(args[4])
end

function request()
  at = at % #requests + 1
  return requests[at]
end

-- One line for the program that started this. Times are in microseconds.
function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    'RESULT {"requests":%d,"duration":%d,"p50":%d,"p99":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
