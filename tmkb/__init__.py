"""TMKB: a knowledge base for medical-device cybersecurity threat models. Start reading in ``tmkb/pipeline.py``."""

__version__ = "0.2.0"
