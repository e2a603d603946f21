"""The oracle's test bench: a producer that knows every flow, faults on the wire, and a judge of what readers see."""
