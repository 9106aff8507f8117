DROP TABLE agencies.practitioner, agencies.effective_profile, agencies.profile_version, agencies.agreement, agencies.agency;
