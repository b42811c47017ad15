"""Programs on top of the package; they use it as anyone would."""
