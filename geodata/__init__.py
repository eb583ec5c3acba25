"""Data: the embedded geo table, ISO codes, cloud regions, carriers, landmarks."""
