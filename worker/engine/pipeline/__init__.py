"""The parts of a pull. ``worker.engine.pull`` and ``worker.engine.extract`` put them together."""
