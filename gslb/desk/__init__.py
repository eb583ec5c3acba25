"""The front of a node: what operators and programs ask of it, joined to what keeps it running.

`desk` answers the API out of the keeper, the watch and the records; `doors` opens the sockets that
it is asked over; `numbers` says what is measured.
"""
