"""`python -m pydotcompute`: the same as the `pydotcompute` command."""

from pydotcompute.tools.cli import main

if __name__ == "__main__":
    main()
