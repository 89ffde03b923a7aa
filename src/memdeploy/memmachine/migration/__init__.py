"""Carries memories from one MemMachine to another through their two APIs, and proves that all of it arrived."""

from memdeploy.memmachine.migration.carry import Sides
from memdeploy.memmachine.migration.compare import Comparison, Difference
from memdeploy.memmachine.migration.inventory import Inventory, Loss, take
from memdeploy.memmachine.migration.run import Progress, Result, migrate
from memdeploy.memmachine.migration.state import State

__all__ = ["Comparison", "Difference", "Inventory", "Loss", "Progress", "Result", "Sides", "State", "migrate", "take"]
