"""Calls the echo at the host of the first argument, over TLS: calls that take long, and a message of 1 GiB there and back."""

import sys
import time

import grpc

LARGE = 2**30
# What is tested is that nothing on the way ends a call, not how fast a machine is that does much else.
LIMIT = 400

unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
with open("/etc/party-iflearner-secret.crt", "rb") as file:
    credentials = grpc.ssl_channel_credentials(file.read())
channel = grpc.secure_channel(f"{sys.argv[1]}:443", credentials, options=unlimited)
back = channel.unary_unary("/Echo/back")
# The route takes a moment to arrive at the ingress controller, and the other pod to start.
give_up = time.monotonic() + 120
while True:
    try:
        back(b"there?", timeout=5)
        break
    except grpc.RpcError as error:
        if time.monotonic() > give_up:
            raise
        print("not there yet:", error.code(), flush=True)
        time.sleep(0.5)

began = time.monotonic()
late = channel.unary_unary("/Echo/late").future(b"late", timeout=LIMIT)
late_stream = channel.unary_stream("/Echo/late_stream")(b"stream", timeout=LIMIT)
message = bytes(LARGE)
assert len(back(message, timeout=LIMIT)) == LARGE
print(f"large: {LARGE} bytes there and back in {time.monotonic() - began:.1f} s", flush=True)
assert late.result() == b"late"
assert list(late_stream) == [b"stream"]
took = time.monotonic() - began
assert took >= 20, took
print(f"late: {took:.1f} s", flush=True)
