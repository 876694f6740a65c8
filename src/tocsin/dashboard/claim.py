"""The link with which somebody makes the first workspace theirs."""


def claim_link(public_url: str, token: str) -> str:
    """The token stands behind the #, which browsers send to nobody."""
    return f"{public_url}/claim#{token}"
