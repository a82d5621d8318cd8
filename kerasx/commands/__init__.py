"""The commands that need Keras. `kerasx_launcher` declares them, and imports this to run one."""

from kerasx.commands.catalogue import write_catalogues
from kerasx.commands.check import run_contract
from kerasx.commands.doctor import diagnose
from kerasx.commands.inspect import show_saved_model
from kerasx.commands.stubs import write_stubs

__all__ = ["diagnose", "run_contract", "show_saved_model", "write_catalogues", "write_stubs"]
