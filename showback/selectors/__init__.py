"""Questions: page-shaped answers about use and cost. Each begins from the person who asks."""
