"""OAuth 2.0 as the emulated orgs speak it: tokens, approvals and who a token is for, without any HTTP."""
