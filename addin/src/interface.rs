//! The table of everything that 1C code sees. The developer's guide is generated from it.

mod methods;
mod properties;

use crate::table::Table;

/// The name of the class and of the extension: `Новый("AddIn.<id>.LicenceAddIn")`.
pub const CLASS_NAME: &str = "LicenceAddIn";

/// The interface of the component.
pub static TABLE: Table = Table {
    properties: properties::PROPERTIES,
    methods: methods::METHODS,
};
