"""DNS as octets: names, queries, responses, EDNS. No sockets, clocks or policies."""
