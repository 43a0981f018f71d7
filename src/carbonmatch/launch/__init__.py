"""The launch of China's national market, replayed through the engine and proven from its journal."""
