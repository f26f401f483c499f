"""Measurements, of ourselves and beside others; what each needs stands in its own first lines."""
