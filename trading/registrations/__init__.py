"""Bidders' registrations (报名): the wizard's data, joint purchase, priority holders."""
