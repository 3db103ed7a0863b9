"""A Flower client (classic API): logistic regression in numpy on generated data.

    client.py --server 127.0.0.1:9092 --shard 0

Leaves with 0 when the server says that it is over, and with 1 when it cannot be reached.
"""

import argparse
import os
import time

# Before the imports, which read them: tests run many parties at once on few cores, and talk to
# nobody but each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")

import flwr as fl
import numpy as np

FEATURES = 20


def generate(seed, rows):
    """The same task for everybody, other samples for each seed."""
    truth = np.random.default_rng(42).normal(size=FEATURES)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, FEATURES))
    return x, (rng.random(rows) < 1 / (1 + np.exp(-x @ truth))).astype(float)


class Client(fl.client.NumPyClient):
    """What Flower asks of a training program."""

    def __init__(self, shard, fit_seconds):
        self._x, self._y = generate(100 + shard, 500)
        self._x_test, self._y_test = generate(7, 1000)
        self._w = np.zeros(FEATURES)
        self._fit_seconds = fit_seconds

    def get_parameters(self, config):
        return [self._w]

    def fit(self, parameters, config):
        self._w = parameters[0]
        time.sleep(self._fit_seconds)
        for _ in range(10):
            p = self._predict(self._x)
            self._w = self._w - 0.5 * self._x.T @ (p - self._y) / len(self._x)
        accuracy = float(((self._predict(self._x) > 0.5) == self._y).mean())
        return [self._w], len(self._x), {"accuracy": accuracy}

    def evaluate(self, parameters, config):
        self._w = parameters[0]
        p = self._predict(self._x_test)
        loss = float(-np.log(np.where(self._y_test > 0.5, p, 1 - p) + 1e-12).mean())
        accuracy = float(((p > 0.5) == self._y_test).mean())
        print(f"accuracy {accuracy:.4f}, loss {loss:.4f}", flush=True)
        return loss, len(self._x_test), {"accuracy": accuracy}

    def _predict(self, x):
        return 1 / (1 + np.exp(-x @ self._w))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True, help="HOST:PORT of the server")
    parser.add_argument("--shard", type=int, default=0, help="which samples are this client's")
    parser.add_argument("--fit-seconds", type=float, default=0.0, help="how long a round takes")
    args = parser.parse_args()
    fl.client.start_client(
        server_address=args.server, client=Client(args.shard, args.fit_seconds).to_client()
    )


if __name__ == "__main__":
    main()
