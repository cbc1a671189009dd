"""The independent auditor: judges from a venue's own log what the product did there."""
