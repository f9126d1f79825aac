"""`taskq top`: the live view. `source` brings frames, `store` keeps them, screens and widgets only render."""
