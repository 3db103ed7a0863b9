"""One party of the demo: learns to read handwritten digits without showing its own to anybody.

    party_digits.py --name a --server HOST:PORT --epochs 10 --data DIR

DIR holds `train.csv`, which only this party has, and `test.csv`, which is the same for all. A line
is 64 pixels (0 to 16) and the digit. The model is softmax regression: 65 × 10 weights, trained by
plain gradient descent on the whole of `train.csv`.

The other arguments are iflearner's own. Started by iflearner_launch.py, which sees to it that a
crash ends the process.
"""

import os

# The matrices are small: more threads only cost memory, and time on a busy machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from iflearner.business.homo import train_client
from iflearner.business.homo.argument import parser
from iflearner.business.homo.trainer import Trainer

PIXELS, DIGITS = 64, 10


def load(path):
    """The images with a constant 1 added (for the bias), and their digits."""
    try:
        table = np.loadtxt(path, delimiter=",", dtype=np.int64, ndmin=2)
    except (OSError, ValueError) as error:
        raise SystemExit(f"cannot read {path}: {error}") from error
    if table.shape[1:] != (PIXELS + 1,) or not len(table):
        raise SystemExit(f"{path}: expected lines of {PIXELS + 1} numbers")
    digits = table[:, PIXELS]
    if digits.min() < 0 or digits.max() >= DIGITS:
        raise SystemExit(f"{path}: the last number of a line must be a digit")
    return np.hstack([table[:, :PIXELS] / 16.0, np.ones((len(table), 1))]), digits


class Digits(Trainer):
    """What iflearner asks of a training program."""

    def __init__(self, directory, lr, steps):
        self._x, self._y = load(os.path.join(directory, "train.csv"))
        self._x_test, self._y_test = load(os.path.join(directory, "test.csv"))
        self._target = np.eye(DIGITS)[self._y]
        self._w = np.zeros((PIXELS + 1, DIGITS))
        self._lr, self._steps = lr, steps

    def config(self):
        return {"learning_rate": self._lr, "batch_num": self._steps, "sample_num": len(self._x)}

    def get(self, param_type=Trainer.ParameterType.ParameterModel):
        return {"w": self._w}

    def set(self, parameters, param_type=Trainer.ParameterType.ParameterModel):
        self._w = np.asarray(parameters["w"], dtype=float).reshape(self._w.shape)

    def _probabilities(self, x):
        z = x @ self._w
        z = np.exp(z - z.max(axis=1, keepdims=True))  # the shift keeps exp in range
        return z / z.sum(axis=1, keepdims=True)

    def fit(self, epoch):
        for _ in range(self._steps):
            error = self._probabilities(self._x) - self._target
            self._w = self._w - self._lr * self._x.T @ error / len(self._x)

    def evaluate(self, epoch):
        p = self._probabilities(self._x_test)
        accuracy = float((p.argmax(axis=1) == self._y_test).mean())
        loss = float(-np.log(p[np.arange(len(p)), self._y_test] + 1e-12).mean())
        print(f"epoch {epoch}: accuracy {accuracy:.4f}, loss {loss:.4f}", flush=True)
        return {"accuracy": accuracy, "loss": loss}


if __name__ == "__main__":
    parser.add_argument("--data", required=True, help="directory of train.csv and test.csv")
    parser.add_argument("--lr", type=float, default=2.0, help="learning rate")
    parser.add_argument("--steps", type=int, default=30, help="steps of an epoch")
    args = parser.parse_args()
    train_client.Controller(args, Digits(args.data, args.lr, args.steps)).run()
