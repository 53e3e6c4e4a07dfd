# An MCP server with one tool, which asks the user a question and says what the answer was.
import json
import sys


def send(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def read():
    line = sys.stdin.readline()
    return json.loads(line) if line else sys.exit()


INFO = {"name": "probe", "version": "1"}
HINTS = {"readOnlyHint": True, "destructiveHint": False, "openWorldHint": False}
TOOL = {"name": "ask", "description": "asks", "inputSchema": {"type": "object"}, "annotations": HINTS}
QUESTION = {"message": "may I?", "requestedSchema": {"type": "object", "properties": {}}}


def answer(method, params):
    if method == "initialize":
        version = params["protocolVersion"]
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": INFO}
    if method == "tools/list":
        return {"tools": [TOOL]}
    if method != "tools/call":
        return {}
    send({"id": "question", "method": "elicitation/create", "params": QUESTION})
    message = read()
    while message.get("id") != "question":
        message = read()
    accepted = message.get("result", {}).get("action") == "accept"
    text = "elicitation accepted" if accepted else "elicitation declined"
    return {"content": [{"type": "text", "text": text}]}


while True:
    request = read()
    if "id" in request and "method" in request:
        result = answer(request["method"], request.get("params", {}))
        send({"id": request["id"], "result": result})
