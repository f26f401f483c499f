"""The command line: the commands and how they speak to a terminal."""
