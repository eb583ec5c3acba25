"""Safety of the compiled data plane: any octets, from anybody, on any table that the verifier accepts."""
