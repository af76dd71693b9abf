"""What happens after the first decision, and with a remote endpoint. The host is on the network."""

with lab.boot("direct", network=True) as vm:
    lab.run_situations(vm)
