"""`make chaos`: a route in the worst of worlds, real processes killed and all, and a judgement in the end."""
