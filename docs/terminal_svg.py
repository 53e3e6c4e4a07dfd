"""The output of a command on a terminal of 80 columns, as an SVG for light and dark.

    python3 terminal_svg.py TITLE -- COMMAND …

The title stands above the output as the command that was typed. What the command writes on stderr
is left out, and its exit code is ignored.
"""

import os
import pty
import re
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from html import escape

COLUMNS = 80
# The size of a cell and of the margin, in pixels.
WIDTH, HEIGHT, MARGIN = 8, 18, 16
# The sequences of colours and weights; every other sequence moves the cursor or clears a line.
PAINT = re.compile(r"\x1b\[([0-9;]*)m")
OTHER = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]")
CLASSES = {"1": "b", "2": "f", "31": "r", "32": "g", "33": "y"}

STYLE = """\
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #1b1f24; }
.page { fill: #f6f7f9; stroke: #d5dae0; }
.b { font-weight: 700; } .f { fill: #5c6570; }
.r { fill: #b3261e; } .g { fill: #1a7f37; } .y { fill: #8a5a00; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e9ec; }
  .page { fill: #14171a; stroke: #353c43; }
  .f { fill: #9aa4ae; } .r { fill: #ff9e95; } .g { fill: #6fcf84; } .y { fill: #f0c674; }
}"""


def output(command):
    """What the command writes on a terminal of its own."""
    terminal, its = pty.openpty()
    ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        command, stdout=its, stderr=subprocess.DEVNULL, stdin=its, env=environment
    )
    os.close(its)
    written = b""
    while True:
        try:
            read = os.read(terminal, 65536)
        except OSError:
            # Linux reports the end of the other side so.
            break
        if not read:
            break
        written += read
    process.wait()
    return written.decode()


def line_of(text, number, classes):
    """The pieces of a line, each in its place, and the classes that go on in the next line."""
    column, pieces = 0, []
    for at, piece in enumerate(PAINT.split(text)):
        if at % 2:
            for code in piece.split(";"):
                known = CLASSES.get(code)
                classes = classes | {known} if known else set()
        elif piece:
            if piece.strip():
                names = f' class="{" ".join(sorted(classes))}"' if classes else ""
                x, y = MARGIN + column * WIDTH, MARGIN + number * HEIGHT + 13
                pieces.append(
                    f'<text x="{x}" y="{y}" textLength="{len(piece) * WIDTH}"{names}'
                    f' xml:space="preserve">{escape(piece)}</text>'
                )
            column += len(piece)
    return pieces, classes


def svg(title, lines):
    width, height = COLUMNS * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img" aria-labelledby="title">',
        f'<title id="title">The output of {escape(title)}</title>',
        f"<style>\n{STYLE}\n</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
    ]
    classes = set()
    for number, line in enumerate(lines):
        pieces, classes = line_of(line, number, classes)
        parts.extend(pieces)
    return "\n".join([*parts, "</svg>", ""])


def main():
    title, dashes, *command = sys.argv[1:]
    if dashes != "--" or not command:
        sys.exit(__doc__)
    text = OTHER.sub("", output(command)).replace("\r", "")
    if not text.strip():
        sys.exit(f"`{' '.join(command)}` wrote nothing")
    lines = f"\x1b[1m$ {title}\x1b[0m\n{text.rstrip()}".split("\n")
    sys.stdout.write(svg(" ".join(title.replace("\\\n", "").split()), lines))


main()
