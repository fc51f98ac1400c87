"""What runs will take, before they are begun: from what finished ones took."""
