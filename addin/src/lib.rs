//! The component that 1C:Enterprise loads.
