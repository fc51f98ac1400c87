"""Explanations that cannot know why a model answers as it does, scored like a method's own."""
