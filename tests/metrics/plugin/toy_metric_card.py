"""Card of the toy metric: what a third party would ship, without torch."""

from partbench.metrics import MetricCard

CONFIDENCE = MetricCard(name="confidence", title="Confidence", implementation="toy_metric:Confidence", needs="logits")
