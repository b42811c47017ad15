"""The plots that README.md shows, readable on light and on dark pages."""

import textwrap

import matplotlib as mpl

mpl.use("svg")

import matplotlib.pyplot as plt

INK = "#808891"  # as far from white as from black
CAPTION_CHARACTERS = 115
OVER_THREADS = "thread kernel / "
OURS, THEIRS = "#2f81f7", INK
STYLE = {
    "svg.fonttype": "path",
    "svg.hashsalt": "pydotcompute",  # the same figures give the same file
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def bars(path, title, unit, values, caption):
    """Draw one bar for each name, ours in colour, and write its value beside it.

    `values` maps a name to a value; the names of ours begin with "kernel".
    """
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7.2, 1.3 + 0.38 * len(values)), layout="constrained")
        names = list(values)
        colours = [OURS if name.startswith("kernel") else THEIRS for name in names]
        drawn = axes.barh(names, list(values.values()), color=colours, height=0.62)
        axes.bar_label(drawn, [f"{value:,.3g}" for value in values.values()], padding=4)
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.set_title(title, loc="left", fontweight="bold")
        axes.set_xlabel(unit)
        text = "\n".join(textwrap.fill(line, CAPTION_CHARACTERS) for line in caption.splitlines())
        figure.text(0.01, -0.01, text, fontsize=7.5, va="top")
        path.parent.mkdir(parents=True, exist_ok=True)
        metadata = {"Date": None}
        figure.savefig(path, transparent=True, metadata=metadata, bbox_inches="tight")
        plt.close(figure)


def draw_all(folder, beside, caption):
    """Draw what README.md shows; `beside` gives the absolute figures of a target by its name.

    A plot joins figures that were taken one after the other, so bars are coarser than the ratios.
    """
    caption = f"Medians; telemetry on; threads were measured after the loop.\n{caption}"
    plain = beside["round trip / queues"]
    round_trips = {
        "kernel, coroutine": plain["kernel_us"],
        "asyncio.Queue pair": plain["queues_us"],
    }
    thread = [
        (name, found) for name, found in beside.items() if name.startswith("thread kernel / ")
    ]
    round_trips["kernel in a thread"] = thread[0][1]["kernel_us"]
    for name, found in thread:
        peer = name.removeprefix("thread kernel / ").removesuffix(", round trip")
        round_trips[f"{peer}, a thread"] = found["peer_us"]
    bars(
        folder / "round_trip.svg",
        "Echo there and back, one message at a time (p50, less is better)",
        "microseconds",
        round_trips,
        caption,
    )
    windows, batches = beside["windows of 1,000 / queues"], beside["batches / queues one by one"]
    rates = {
        "kernel, one by one": windows["kernel_ns"],
        "asyncio.Queue pair, one by one": windows["queues_ns"],
        "kernel, batches of 256": batches["kernel_ns"],
        "asyncio.Queue pair, lists of 256": batches["lists_ns"],
    }
    bars(
        folder / "windows.svg",
        "Messages there and back, many on the way (more is better)",
        "million messages a second",
        {name: 1e3 / nanoseconds for name, nanoseconds in rates.items()},
        caption,
    )
