-- Each request asks about the next address of $LIST.
local paths, at = {}, 0
for line in io.lines(os.getenv("LIST")) do
    if line:find("@") then
        paths[#paths + 1] = wrk.format("GET", "/v1/check?email=" .. line)
    end
end
request = function()
    at = at % #paths + 1
    return paths[at]
end
