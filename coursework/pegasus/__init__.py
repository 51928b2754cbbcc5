"""Images of a winged horse from models that have never seen one."""
