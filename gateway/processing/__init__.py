"""The record of processing activities (UK GDPR article 30), made from what is in effect and never typed."""
