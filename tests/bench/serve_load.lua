-- Each request asks about the next address of $LIST. What is not answered with 200 is counted, and
-- said at the end: a refusal is quick, and no answer.
local paths, at = {}, 0
init = function() -- only now is the Host known
    for line in io.lines(os.getenv("LIST")) do
        if line:find("@") then
            paths[#paths + 1] = wrk.format("GET", "/v1/check?email=" .. line)
        end
    end
end
request = function()
    at = at % #paths + 1
    return paths[at]
end
