"""What makes a node of a machine: its settings, sockets, processes, and what they tell each other."""
