"""Every word that a person can say to a campaign. Words go to the database; the campaign's own process obeys."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["actions"])
