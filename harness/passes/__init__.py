"""Passes of a method over the images of a split: one file each, pictures in, evidence out."""
