"""Messages as records of a fixed layout, for kernels that run without the interpreter."""
