"""The simulator: the real shell of the product on a virtual clock, against a venue with faults, with crashes.

`options` draws from a seed what shall happen, `world` lets it happen, `verdict` judges it, `shrink` makes a
failure small, `runs` does many of them (`manage.py simulate`).
"""
