"""Where a kernel runs, and how its waiting is done."""
