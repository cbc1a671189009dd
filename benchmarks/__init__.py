"""Measurements of speed and cost, each one command: see README.md in this folder."""
