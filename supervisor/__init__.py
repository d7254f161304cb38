"""Run every process of an embedded Strata in one terminal.

It starts programs and imports none of them, so that it stays small and survives whatever they do.
Why not an existing process manager: docs/decisions/0002-supervisor.md.
"""
