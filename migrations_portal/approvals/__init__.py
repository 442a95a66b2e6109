"""The chain of sign-offs: seats, decisions on them, and the links that lead to them."""
