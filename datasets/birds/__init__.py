"""The drawn birds: traits, shapes, pose, scene, canvas. Needs no torch."""
