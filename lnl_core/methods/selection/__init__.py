"""Samples left out or weighed less, by their losses or by how far predictions back their labels."""
