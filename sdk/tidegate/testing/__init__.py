"""What a producer's own tests use: the gateway's verdict and a gateway's behaviour, without a network, a clock or a sleep."""

from tidegate.testing.clock import VirtualClock
from tidegate.testing.gate import FakeGate
from tidegate.testing.record import Received

__all__ = ["FakeGate", "Received", "VirtualClock"]
