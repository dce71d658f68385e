"""The runs of a herd as a table, a chart of characters and an SVG. Pure text; called by `tidegate simulate`."""

from collections.abc import Sequence
from html import escape
from typing import Final

from tidegate.simulate.herd import BOUNDS, Bound, Figures, Herd, Run
from tidegate.simulate.producers import POLICIES

__all__ = ["bars", "legend", "svg", "table"]

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_LEFT: Final = 150
_WIDTH: Final = 640
_ROW: Final = 74
_GAP: Final = 22
_TOP: Final = 46
_STYLE: Final = (
    "<style>text{fill:#57606a}.bar{fill:#0969da}.over{fill:#cf222e}.away{fill:#8c959f;opacity:.18}"
    ".cap{stroke:#8c959f;stroke-dasharray:4 3}"
    "@media(prefers-color-scheme:dark){text{fill:#9198a1}.bar{fill:#4493f8}.over{fill:#f85149}}</style>"
)


def table(runs: Sequence[Run], *, markdown: bool = False) -> str:
    """A row for each policy; what is beyond its bound is marked with `!`."""
    head = ["policy", *(bound.title for bound in BOUNDS), "last stored"]
    bounds = ["bound", *(_bound(bound) for bound in BOUNDS), ""]
    rows = [
        [run.policy, *(_cell(bound, run.figures) for bound in BOUNDS), f"{run.figures.last_s:.0f} s"] for run in runs
    ]
    if markdown:
        lines = [head, ["---"] * len(head), *rows, bounds]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)
    widths = [max(len(line[column]) for line in (head, bounds, *rows)) for column in range(len(head))]
    return "".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        + "\n"
        for line in (head, *rows, bounds)
    )


def _bound(bound: Bound) -> str:
    return f"{'<=' if bound.most else '>='} {bound.value:g}"


def _cell(bound: Bound, figures: Figures) -> str:
    found = bound.of(figures)
    text = f"{found:.0f}" if bound.name == "lost" else f"{found:.2f}"
    return text if bound.met(figures) else f"{text}!"


def bars(herd: Herd, runs: Sequence[Run]) -> str:
    """A line for each policy, a character for each second from the outage on; a full block is one and a half times the capacity or more."""
    first = int(herd.before_s)
    away = int(herd.recovery_at) - first
    width = max(len(run.policy) for run in runs)
    lines = [f"{'':{width}}  {'gateway away':-^{away}}|back, a character a second; █ is 1.5 x capacity or more\n"]
    for run in runs:
        line = "".join(_BLOCKS[min(8, round(load / 1.5 * 8))] for load in run.load[first:])
        lines.append(f"{run.policy:{width}}  {line[:away]}|{line[away:]}\n")
    return "".join(lines)


def svg(herd: Herd, runs: Sequence[Run]) -> str:
    """A panel for each policy: arriving work by second, the outage shaded, a line at the capacity. Readable on light and dark pages."""
    top = max(2.0, *(max(run.load) for run in runs))
    seconds = len(runs[0].load)
    height = _TOP + len(runs) * (_ROW + _GAP) + 24
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 70} {height}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(_title(herd))}</title>",
        _STYLE,
        f'<text x="{_LEFT}" y="18" font-weight="bold">{escape(_title(herd))}</text>',
        f'<text x="{_LEFT}" y="35">work that arrives in each second; dashed: the capacity; shaded: the gateway is away</text>',
    ]
    for row, run in enumerate(runs):
        out += _panel(herd, run, _TOP + row * (_ROW + _GAP), top)
    step = _WIDTH / seconds
    for second in range(0, seconds + 1, 10):
        out.append(
            f'<text x="{_LEFT + second * step:.1f}" y="{height - 8}" text-anchor="middle">{second - int(herd.recovery_at):+d} s</text>'
        )
    return "\n".join([*out, "</svg>\n"])


def _panel(herd: Herd, run: Run, y: int, top: float) -> list[str]:
    step, base = _WIDTH / len(run.load), y + _ROW
    cap_y = base - _ROW / top
    figures = run.figures
    out = [
        f'<rect class="away" x="{_LEFT + herd.before_s * step:.1f}" y="{y}" width="{herd.outage_s * step:.1f}" height="{_ROW}"/>',
        f'<text x="{_LEFT - 8}" y="{y + 20}" text-anchor="end" font-weight="bold">{escape(run.policy)}</text>',
        f'<text x="{_LEFT - 8}" y="{y + 37}" text-anchor="end">{figures.attempts_per_event:.2f} attempts/event</text>',
        f'<text x="{_LEFT - 8}" y="{y + 53}" text-anchor="end">peak {figures.peak:.2f} x capacity</text>',
    ]
    for second, load in enumerate(run.load):
        if load > 0:
            tall = _ROW * load / top
            kind = "over" if load > 1.0 else "bar"
            out.append(
                f'<rect class="{kind}" x="{_LEFT + second * step:.1f}" y="{base - tall:.1f}" width="{step * 0.85:.1f}" height="{tall:.1f}"/>'
            )
    out.append(f'<line class="cap" x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{cap_y:.1f}" y2="{cap_y:.1f}"/>')
    return out


def _title(herd: Herd) -> str:
    return f"{herd.producers} producers, {herd.events_per_s:g} event/s each, the gateway away for {herd.outage_s:g} s"


def legend(runs: Sequence[Run]) -> str:
    """What the names mean."""
    return "".join(f"{run.policy}: {POLICIES[run.policy][0]}\n" for run in runs)
