"""Floor 1: what a deal is. The contract, its checks, import, the store, the simulator."""
