"""A gRPC server that answers late, or with what it was sent: as an aggregation of long, and as a large model."""

import concurrent.futures
import time

import grpc

SECONDS = 20


def late(request, context):
    time.sleep(SECONDS)
    return request


def late_stream(request, context):
    time.sleep(SECONDS)
    yield request


class Echo(grpc.GenericRpcHandler):
    def service(self, call):
        return {
            "/Echo/late": grpc.unary_unary_rpc_method_handler(late),
            "/Echo/late_stream": grpc.unary_stream_rpc_method_handler(late_stream),
            "/Echo/back": grpc.unary_unary_rpc_method_handler(lambda request, context: request),
        }.get(call.method)


unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), options=unlimited)
server.add_generic_rpc_handlers((Echo(),))
server.add_insecure_port("0.0.0.0:50001")
server.start()
server.wait_for_termination()
