"""A Flower server (classic API) that averages what its clients have learned.

    server.py --address 127.0.0.1:9092 --rounds 3 --clients 2

Leaves with 0 after the last round. It waits without an end for its clients.
"""

import argparse
import os

# Before the import, which reads it: tests talk to nobody but each other.
os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")

import flwr as fl


def average(metrics):
    """The mean of the clients' accuracies, weighted by their numbers of samples."""
    total = sum(samples for samples, _ in metrics)
    return {"accuracy": sum(samples * m["accuracy"] for samples, m in metrics) / total}


class Averaging(fl.server.strategy.FedAvg):
    """FedAvg that says after each round how good the common model is."""

    def aggregate_evaluate(self, server_round, results, failures):
        loss, metrics = super().aggregate_evaluate(server_round, results, failures)
        if results:
            accuracy = metrics["accuracy"]
            print(f"round {server_round}: accuracy {accuracy:.4f}, loss {loss:.4f}", flush=True)
        return loss, metrics


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", default="0.0.0.0:8080", help="HOST:PORT to listen on")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=2, help="clients in each round")
    args = parser.parse_args()
    strategy = Averaging(
        min_fit_clients=args.clients,
        min_evaluate_clients=args.clients,
        min_available_clients=args.clients,
        fit_metrics_aggregation_fn=average,
        evaluate_metrics_aggregation_fn=average,
    )
    print(f"waiting on {args.address} for {args.clients} clients", flush=True)
    fl.server.start_server(
        server_address=args.address,
        config=fl.server.ServerConfig(num_rounds=args.rounds),
        strategy=strategy,
    )


if __name__ == "__main__":
    main()
