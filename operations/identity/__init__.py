"""Who is who, as people ask and decide it."""
