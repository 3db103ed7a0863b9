"""Calls the unmodified SDK of iflearner-flow-client as told, line by line.

    client.py HOST PORT < calls

Each line of input is JSON, `["template.create", {"name": …}]`; each line of output is what the SDK answered, or `{"raised": "…"}`.
"""

import json
import sys

from flow_server_sdk import FlowServerSdk


def main():
    sdk = FlowServerSdk(host=sys.argv[1], port=int(sys.argv[2]))
    for line in sys.stdin:
        name, arguments = json.loads(line)
        group, method = name.split(".")
        try:
            answer = getattr(getattr(sdk, group), method)(**arguments)
        except Exception as error:
            answer = {"raised": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
