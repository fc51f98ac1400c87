"""The site that a report is: one module per page, the frame around them, and the files that they share."""
