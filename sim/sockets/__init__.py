"""The same protocols in real time over real sockets: each node in a world of its own, with WebSockets between the worlds."""
