"""A lamp that a realm can switch: python lamp.py http://127.0.0.1:9000"""

import sys
from typing import Literal

from mtor_worker import Tools, serve

tools = Tools("lamp")
lamps: dict[str, bool] = {}


@tools.tool(effect="switches")
def lamp(state: Literal["on", "off"], room: str = "living room") -> str:
    """Switches the lamp in a room on or off."""
    lamps[room] = state == "on"
    return f"The lamp in the {room} is {state}."


serve(tools, *sys.argv[1:2], key="lamp.key")
