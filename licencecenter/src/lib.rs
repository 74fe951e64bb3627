//! The vendor's side: series, packing, issuing.
