"""Fuzzing what reads strangers' archives: ``make fuzz``, as root."""
