"""The faulty venue of the simulator: what the product talks to while everything goes wrong.

venue.py     the door: SimVenue
port.py      one process's port: the product's adapter over a wire of ours
wire.py      what becomes of requests and answers on their way
house.py     the venue: engine, nonces, readings, log
mischief.py  oddities of orders and readings
weather.py   prices, outages, modes
history.py   what readings show, old ones too
options.py   the faults by name, and how often each
"""

from tests.simulation.venue.options import EVERY, Fault, VenueOptions, drawn_rates
from tests.simulation.venue.venue import SimVenue

__all__ = ["EVERY", "Fault", "SimVenue", "VenueOptions", "drawn_rates"]
