"""Questions: joined, page-shaped answers. One file per reader."""
