"""Samples: images built in memory from this machine's own files, and a small registry that serves them.

For tests, benchmarks and the demo; the program itself never imports this.
"""
