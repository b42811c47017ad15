"""The `pydotcompute` command."""

import click

from pydotcompute import __version__
from pydotcompute.tools.demo import demo


@click.group()
@click.version_option(__version__, prog_name="pydotcompute")
def main() -> None:
    """Ring kernels for Python with exact telemetry."""


main.add_command(demo)
