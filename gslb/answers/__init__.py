"""What the data plane reads, and all it reads: the answer table, packed, verified, picked from."""
