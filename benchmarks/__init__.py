"""Speed and quality against peers, side by side in one run: see benchmarks/README.md."""
