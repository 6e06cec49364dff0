"""Looks at one tile of ground: where the clouds are, where the edges are, and what is worth sending down.

No free imagery is shipped, so the tile itself is drawn from the tile number (terrain and clouds of fractal noise); all
that comes after is what would be done to a real one. Same tile number, same result. docs/jobs.md has the contract.
"""

import os
import signal
import sys

EXIT_PREEMPTED = 75


def on_sigterm(_signum: int, _frame: object) -> None:
    """Give way at once: a tile takes seconds, so there is nothing worth saving."""
    os._exit(EXIT_PREEMPTED)


signal.signal(signal.SIGTERM, on_sigterm)
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
import struct  # noqa: E402
import zlib  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

HISTOGRAM_BINS = 256
BLOCK_PX = 32
CLEAR_FRAC_MIN = 0.8  # a block with less clear sky than this is not worth its downlink


def report(**line: object) -> None:
    """Tell the node something: one JSON object on a line of its own, at once."""
    print(json.dumps(line), flush=True)


def fractal(rng: np.random.Generator, side_px: int, roughness: float) -> Floats:
    """Return noise with a power-law spectrum (amplitude falls as frequency^-roughness), scaled to 0..1."""
    frequency = np.hypot(np.fft.fftfreq(side_px)[:, None], np.fft.rfftfreq(side_px)[None, :])
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.standard_normal((side_px, side_px))) * frequency**-roughness
    spectrum[0, 0] = 0.0
    field = np.fft.irfft2(spectrum, s=(side_px, side_px))
    return np.asarray((field - field.min()) / (field.max() - field.min()), np.float64)


def draw_tile(number: int, side_px: int) -> Floats:
    """Return a tile's reflectance, shape (side, side), 0..1: dark ground, bright clouds over part of it, read noise."""
    rng = np.random.default_rng(number)
    ground = 0.08 + 0.30 * fractal(rng, side_px, 1.6)
    cover = float(rng.uniform(0.1, 0.7))
    cloud = fractal(rng, side_px, 2.0)
    depth = np.clip((cloud - np.quantile(cloud, 1.0 - cover)) * 6.0, 0.0, 1.0)
    return np.clip(ground * (1.0 - depth) + 0.9 * depth + rng.normal(0.0, 0.01, ground.shape), 0.0, 1.0)


def box_mean(image: Floats, radius_px: int) -> Floats:
    """Return the mean over a square window, by a summed-area table."""
    size = 2 * radius_px + 1
    padded = np.pad(image, radius_px, mode="edge")
    table = np.pad(padded.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    total = table[size:, size:] - table[:-size, size:] - table[size:, :-size] + table[:-size, :-size]
    return np.asarray(total / (size * size), np.float64)


def otsu_threshold(image: Floats) -> float:
    """Return the brightness that parts a histogram best.

    Source: Otsu, A Threshold Selection Method from Gray-Level Histograms, IEEE Trans. SMC 9 (1979), eq. 18.
    """
    counts, edges = np.histogram(image, bins=HISTOGRAM_BINS, range=(0.0, 1.0))
    share = counts / counts.sum()
    centres = (edges[:-1] + edges[1:]) / 2.0
    below = share.cumsum()
    mean = (share * centres).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (mean[-1] * below - mean) ** 2 / (below * (1.0 - below))
    return float(edges[int(np.nan_to_num(between).argmax()) + 1])


def edge_strength(image: Floats) -> Floats:
    """Return the gradient's magnitude by Sobel's operator."""
    padded = np.pad(image, 1, mode="edge")
    rows = padded[:-2] + 2.0 * padded[1:-1] + padded[2:]
    columns = padded[:, :-2] + 2.0 * padded[:, 1:-1] + padded[:, 2:]
    return np.asarray(np.hypot(rows[:, 2:] - rows[:, :-2], columns[2:] - columns[:-2]), np.float64)


def opened(mask: Mask, radius_px: int) -> Mask:
    """Return the mask without specks: shrunk by a window, then grown by it."""
    shrunk = box_mean(mask.astype(np.float64), radius_px) > 1.0 - 1e-9
    return np.asarray(box_mean(shrunk.astype(np.float64), radius_px) > 1e-9, np.bool_)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a grey 8-bit PNG (W3C PNG specification: signature, IHDR, IDAT, IEND)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = pixels.shape
    lines = b"".join(b"\x00" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 6)) + chunk(b"IEND", b"")


def clear_blocks(cloud: Mask, edges: Floats) -> list[dict[str, float | int]]:
    """Return the blocks with enough clear sky, those with most detail first."""
    blocks: list[dict[str, float | int]] = []
    for top in range(0, cloud.shape[0], BLOCK_PX):
        for left in range(0, cloud.shape[1], BLOCK_PX):
            window = slice(top, top + BLOCK_PX), slice(left, left + BLOCK_PX)
            clear = ~cloud[window]
            if clear.mean() >= CLEAR_FRAC_MIN:
                detail = float(edges[window][clear].mean())
                blocks.append({"top_px": top, "left_px": left, "detail": round(detail, 6)})
    return sorted(blocks, key=lambda block: (-block["detail"], block["top_px"], block["left_px"]))


def tile_number(given: int | None) -> int:
    """Return the tile asked for, or the one that the job's id stands for."""
    if given is not None:
        return given
    return int.from_bytes(hashlib.sha256(os.environ["DAWNLINE_JOB_ID"].encode()).digest()[:4], "big")


def main() -> int:
    """Process one tile; return the exit code of the job contract."""
    parser = argparse.ArgumentParser(description="Find clouds and detail in one image tile.")
    parser.add_argument("--tile", type=int, default=None, help="tile number (default: from the job's id)")
    parser.add_argument("--side-px", type=int, default=1536)
    given = parser.parse_args()
    output = Path(os.environ["DAWNLINE_OUTPUT_DIR"])
    number = tile_number(given.tile)
    image = draw_tile(number, given.side_px)
    report(progress=0.4)
    smooth = box_mean(image, 2)
    threshold = otsu_threshold(smooth)
    cloud = opened(smooth > threshold, 2)
    report(progress=0.7)
    edges = edge_strength(smooth)
    blocks = clear_blocks(cloud, edges)
    step = max(1, given.side_px // 256)
    view = np.where(cloud, 1.0, np.clip(image * 2.0, 0.0, 0.9))[::step, ::step]
    (output / "preview.png").write_bytes(png((view * 255.0).astype(np.uint8)))
    result = {
        "tile": number,
        "cloud_frac": round(float(cloud.mean()), 6),
        "threshold": round(threshold, 6),
        "reflectance_mean_clear": round(float(image[~cloud].mean()), 6) if not cloud.all() else None,
        "edge_mean_clear": round(float(edges[~cloud].mean()), 6) if not cloud.all() else None,
        "blocks_clear": len(blocks),
        "blocks_best": blocks[:8],
    }
    (output / "result.json").write_text(json.dumps(result, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    report(progress=1.0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
