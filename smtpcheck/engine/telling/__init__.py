"""Tells a person or a program what a test showed: words, lines on a terminal, JSON, exit status.

Knows reports and the catalogue, no framework and no history, so that every door says the same.
"""
