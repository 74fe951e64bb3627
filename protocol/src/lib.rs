//! What both sides of the licensing system must agree on.
