"""A third party's metric: how sure the model is."""

from partbench.metrics.base import ImageMetric


class Confidence(ImageMetric):
    """Mean probability of the predicted class; keeps one number per image."""

    states = ("confidence",)

    def update(self, logits, labels):
        self.keep(labels, confidence=logits.double().softmax(1).amax(1))

    def image_values(self):
        return self.gathered("confidence"), self.gathered("labels")
