"""Agencies as the process handles them: onboarding, suspension, profiles, and what an agency may see."""
