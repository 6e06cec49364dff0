"""Trains a small convolutional network on handwritten digits, and may be stopped at any moment.

Whatever was drawn at random depends only on (seed, epoch, step), and a checkpoint holds everything else, so that the
final weights are the same bytes however often the job was preempted or killed. docs/jobs.md has the contract.
"""

import os
import signal

EXIT_PREEMPTED = 75
preempted = False


def on_sigterm(_signum: int, _frame: object) -> None:
    """Note that the node wants its power back; the training loop saves at the next step boundary."""
    global preempted
    preempted = True


# Before numpy is loaded: a SIGTERM during that half second must not look like a crash.
signal.signal(signal.SIGTERM, on_sigterm)
# One thread: the order of additions, and so the last bit, must not depend on the number of cores.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from dataclasses import asdict, dataclass  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

Floats = NDArray[np.float32]
Arrays = dict[str, Floats]

SIDE_PX = 8
CLASSES = 10
BATCH = 32
TEST_IMAGES = 360  # of 1,797
REPORT_EVERY_STEPS = 55
ADAM_BETA_1, ADAM_BETA_2, ADAM_EPSILON = 0.9, 0.999, 1e-8  # Kingma & Ba, Adam (2015), section 2


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train; a checkpoint of another plan is not resumed."""

    epochs: int
    channels: int  # of the first layer; the second has twice as many
    learning_rate: float
    seed: int


@dataclass(slots=True)
class State:
    """Where the training stands: everything that a checkpoint must hold."""

    step: int
    weights: Arrays
    momentum: Arrays
    variance: Arrays


def report(**line: object) -> None:
    """Tell the node something: one JSON object on a line of its own, at once."""
    print(json.dumps(line), flush=True)


# --- the network: two 3 x 3 convolutions, 2 x 2 maximum pooling, one dense layer -----------------------------------


def initial_weights(plan: Plan) -> Arrays:
    """Return weights drawn as He et al. (2015) advise for rectified layers: variance 2 / fan-in."""
    rng = np.random.default_rng((plan.seed, 0))
    one, two = plan.channels, 2 * plan.channels
    dense = (SIDE_PX // 2) ** 2 * two
    shapes = {"conv_1": (9, one), "conv_2": (9 * one, two), "dense": (dense, CLASSES)}
    weights: Arrays = {}
    for name, (fan_in, fan_out) in shapes.items():
        weights[name] = (rng.standard_normal((fan_in, fan_out)) * np.sqrt(2.0 / fan_in)).astype(np.float32)
        weights[f"{name}_bias"] = np.zeros(fan_out, np.float32)
    return weights


def patches(images: Floats) -> Floats:
    """Return each pixel's 3 x 3 neighbourhood: (n, 8, 8, c) to (n * 64, 9 * c), zero outside the image."""
    count, channels = images.shape[0], images.shape[3]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [padded[:, y : y + SIDE_PX, x : x + SIDE_PX] for y in range(3) for x in range(3)]
    return np.concatenate(shifted, axis=3).reshape(count * SIDE_PX * SIDE_PX, 9 * channels)


def unpatch(columns: Floats, count: int, channels: int) -> Floats:
    """Return the gradient of the images from that of their patches; the transpose of `patches`."""
    parts = columns.reshape(count, SIDE_PX, SIDE_PX, 9, channels)
    padded = np.zeros((count, SIDE_PX + 2, SIDE_PX + 2, channels), np.float32)
    for place in range(9):
        y, x = divmod(place, 3)
        padded[:, y : y + SIDE_PX, x : x + SIDE_PX] += parts[:, :, :, place]
    return padded[:, 1:-1, 1:-1]


def forward(weights: Arrays, images: Floats) -> dict[str, Floats]:
    """Return every layer's output for images of shape (n, 8, 8, 1); `logits` has shape (n, 10)."""
    count, half = images.shape[0], SIDE_PX // 2
    out: dict[str, Floats] = {"columns_1": patches(images)}
    out["relu_1"] = np.maximum(out["columns_1"] @ weights["conv_1"] + weights["conv_1_bias"], np.float32(0))
    out["columns_2"] = patches(out["relu_1"].reshape(count, SIDE_PX, SIDE_PX, -1))
    out["relu_2"] = np.maximum(out["columns_2"] @ weights["conv_2"] + weights["conv_2_bias"], np.float32(0))
    blocks = out["relu_2"].reshape(count, half, 2, half, 2, -1)
    out["pooled"] = blocks.max(axis=(2, 4))
    out["flat"] = out["pooled"].reshape(count, -1)
    out["logits"] = out["flat"] @ weights["dense"] + weights["dense_bias"]
    return out


def gradients(weights: Arrays, images: Floats, labels: NDArray[np.uint8]) -> tuple[Arrays, float]:
    """Return the gradient of the mean cross-entropy by every weight, and the cross-entropy itself (nats)."""
    count, half = images.shape[0], SIDE_PX // 2
    out = forward(weights, images)
    shifted = out["logits"] - out["logits"].max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    odds = exponentials / exponentials.sum(axis=1, keepdims=True)
    rows = np.arange(count)
    loss = float(-np.log(odds[rows, labels] + np.float32(1e-12)).mean())
    error = odds
    error[rows, labels] -= np.float32(1)
    error /= np.float32(count)
    grads: Arrays = {"dense": out["flat"].T @ error, "dense_bias": error.sum(axis=0)}

    pooled_error = (error @ weights["dense"].T).reshape(count, half, 1, half, 1, -1)
    blocks = out["relu_2"].reshape(count, half, 2, half, 2, -1)
    peak = blocks == out["pooled"].reshape(count, half, 1, half, 1, -1)
    error_2 = ((pooled_error * peak) * (blocks > 0)).reshape(count * SIDE_PX * SIDE_PX, -1)
    grads["conv_2"], grads["conv_2_bias"] = out["columns_2"].T @ error_2, error_2.sum(axis=0)

    channels = weights["conv_1"].shape[1]
    error_1 = unpatch(error_2 @ weights["conv_2"].T, count, channels).reshape(-1, channels) * (out["relu_1"] > 0)
    grads["conv_1"], grads["conv_1_bias"] = out["columns_1"].T @ error_1, error_1.sum(axis=0)
    return grads, loss


# --- one step ------------------------------------------------------------------------------------------------------


def load_digits(folder: Path) -> tuple[Floats, NDArray[np.uint8], Floats, NDArray[np.uint8]]:
    """Return training images and labels, then test images and labels; the split is the same for every plan."""
    with np.load(folder / "digits.npz") as archive:
        images, labels = archive["images"], archive["labels"]
    order = np.random.default_rng(1797).permutation(len(labels))
    images = (images[order].reshape(-1, SIDE_PX, SIDE_PX, 1) / np.float32(16)).astype(np.float32)
    labels = labels[order]
    return images[TEST_IMAGES:], labels[TEST_IMAGES:], images[:TEST_IMAGES], labels[:TEST_IMAGES]


def moved(images: Floats, rng: np.random.Generator) -> Floats:
    """Return the batch shifted by up to one pixel each way: writers do not centre their digits."""
    down, right = (int(shift) for shift in rng.integers(-1, 2, size=2))
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return padded[:, 1 - down : 1 - down + SIDE_PX, 1 - right : 1 - right + SIDE_PX]


def train_step(state: State, plan: Plan, images: Floats, labels: NDArray[np.uint8]) -> float:
    """Take one Adam step with a cosine-decayed rate; return the batch's loss."""
    per_epoch = len(labels) // BATCH
    epoch, place = divmod(state.step, per_epoch)
    order = np.random.default_rng((plan.seed, 1, epoch)).permutation(len(labels))
    chosen = order[place * BATCH : (place + 1) * BATCH]
    batch = moved(images[chosen], np.random.default_rng((plan.seed, 2, state.step)))
    grads, loss = gradients(state.weights, batch, labels[chosen])
    done_frac = state.step / (per_epoch * plan.epochs)
    state.step += 1
    rate = plan.learning_rate * 0.5 * (1.0 + np.cos(np.pi * done_frac))
    rate *= np.sqrt(1.0 - ADAM_BETA_2**state.step) / (1.0 - ADAM_BETA_1**state.step)
    for name, grad in grads.items():
        momentum, variance = state.momentum[name], state.variance[name]
        momentum += np.float32(1 - ADAM_BETA_1) * (grad - momentum)
        variance += np.float32(1 - ADAM_BETA_2) * (grad * grad - variance)
        state.weights[name] -= np.float32(rate) * momentum / (np.sqrt(variance) + np.float32(ADAM_EPSILON))
    return loss


# --- files: a JSON line that names the arrays, then their raw little-endian bytes ----------------------------------


def packed(header: dict[str, object], groups: dict[str, Arrays]) -> bytes:
    """Return arrays as bytes that depend on nothing but their content."""
    named = [(f"{group}/{name}", values) for group, each in groups.items() for name, values in each.items()]
    named.sort(key=lambda pair: pair[0])  # the order of the header's keys
    body = b"".join(values.astype("<f4").tobytes() for _, values in named)
    shapes = {name: list(values.shape) for name, values in named}
    head = {**header, "arrays": shapes, "sha256": hashlib.sha256(body).hexdigest()}
    return json.dumps(head, sort_keys=True).encode() + b"\n" + body


def unpacked(content: bytes) -> tuple[dict[str, object], dict[str, Arrays]]:
    """Return what `packed` was given.

    Raises:
        ValueError: the content is not whole.
    """
    line, _, body = content.partition(b"\n")
    head = json.loads(line)
    if hashlib.sha256(body).hexdigest() != head.get("sha256"):
        raise ValueError("the checksum does not match")
    groups: dict[str, Arrays] = {}
    offset = 0
    for name, shape in head["arrays"].items():
        group, _, key = name.partition("/")
        size = int(np.prod(shape))
        values = np.frombuffer(body, "<f4", size, offset).reshape(shape).astype(np.float32)
        groups.setdefault(group, {})[key] = values
        offset += 4 * size
    return head, groups


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is either whole or not there: to another name, to the disk, then renamed."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def save(folder: Path, plan: Plan, state: State) -> None:
    """Write a checkpoint under a new name and report it; from then on the file belongs to the node."""
    name = f"step-{state.step:07d}.ckpt"
    groups = {"weights": state.weights, "momentum": state.momentum, "variance": state.variance}
    write_whole(folder / name, packed({"plan": asdict(plan), "step": state.step}, groups))
    report(checkpoint=name)


def resumed(folder: Path, plan: Plan) -> State | None:
    """Return the state of the newest whole checkpoint of this plan, or None."""
    for path in sorted(folder.glob("step-*.ckpt"), reverse=True):
        try:
            head, groups = unpacked(path.read_bytes())
        except (ValueError, KeyError, OSError) as error:
            report(log=f"{path.name} is damaged and not used: {error}")
            continue
        if head["plan"] != asdict(plan):
            report(log=f"{path.name} is of another plan and not used")
            continue
        return State(int(str(head["step"])), groups["weights"], groups["momentum"], groups["variance"])
    return None


# --- the job -------------------------------------------------------------------------------------------------------


def fresh(plan: Plan) -> State:
    """Return the state before the first step."""
    weights = initial_weights(plan)
    zeros = {name: np.zeros_like(values) for name, values in weights.items()}
    return State(0, weights, zeros, {name: values.copy() for name, values in zeros.items()})


def finish(output: Path, plan: Plan, state: State, images: Floats, labels: NDArray[np.uint8]) -> None:
    """Measure the network on the test images; write weights and result."""
    correct = forward(state.weights, images)["logits"].argmax(axis=1) == labels
    content = packed({"plan": asdict(plan)}, {"weights": state.weights})
    digest = hashlib.sha256(content).hexdigest()
    write_whole(output / "weights.bin", content)
    result = {
        "test_accuracy": round(float(correct.mean()), 4),
        "test_images": len(labels),
        "steps": state.step,
        "weights_sha256": digest,
        "plan": asdict(plan),
    }
    write_whole(output / "result.json", (json.dumps(result, indent=2, sort_keys=True) + "\n").encode())
    report(log=f"test accuracy {result['test_accuracy']}, weights {digest}")


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description="Train a small network on handwritten digits.")
    parser.add_argument("--epochs", type=int, default=110)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--checkpoint-every-steps", type=int, default=220)
    return parser.parse_args()


def main() -> int:
    """Train to the end, or to the next SIGTERM; return the exit code of the job contract."""
    given = arguments()
    plan = Plan(given.epochs, given.channels, given.learning_rate, given.seed)
    checkpoints = Path(os.environ["DAWNLINE_CHECKPOINT_DIR"])
    images, labels, test_images, test_labels = load_digits(Path(os.environ["DAWNLINE_INPUT_DIR"]))
    state = resumed(checkpoints, plan) or fresh(plan)
    steps = plan.epochs * (len(labels) // BATCH)
    report(log=f"attempt {os.environ.get('DAWNLINE_ATTEMPT', '1')} starts at step {state.step} of {steps}")
    saved_step = state.step
    while state.step < steps:
        if preempted:
            if state.step > saved_step:
                save(checkpoints, plan, state)
            return EXIT_PREEMPTED
        loss = train_step(state, plan, images, labels)
        if state.step % given.checkpoint_every_steps == 0:
            save(checkpoints, plan, state)
            saved_step = state.step
            report(log=f"step {state.step}, loss {loss:.4f}")
        if state.step % REPORT_EVERY_STEPS == 0 and state.step < steps:
            report(progress=round(state.step / steps, 4))
    finish(Path(os.environ["DAWNLINE_OUTPUT_DIR"]), plan, state, test_images, test_labels)
    report(progress=1.0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
