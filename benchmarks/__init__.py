"""What measures speed and quality; each prints its figures beside their baselines and writes them as flat JSON."""
