"""``/v1/forecast`` and ``/v1/reports/at-risk``."""

from fastapi import APIRouter

router = APIRouter(tags=["reports"])
