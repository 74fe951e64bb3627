//! The table of everything that 1C code sees. The developer's guide is generated from it.

pub mod events;
mod methods;
mod properties;

use crate::table::Table;

/// The name of the class and of the extension: `Новый("AddIn.<id>.LicenceAddIn")`.
pub const CLASS_NAME: &str = "LicenceAddIn";

/// The interface of the component.
pub static TABLE: Table = Table {
    properties: properties::PROPERTIES,
    methods: methods::METHODS,
    events: events::EVENTS,
};

#[cfg(test)]
mod tests {
    use super::TABLE;
    use crate::{native::host::HostHandle, object::Object, table::Value};

    #[test]
    fn a_new_object_has_the_defaults_that_the_table_tells() {
        let object = Object::new(HostHandle::detached());
        for property in TABLE.properties {
            let (Some(get), Some(default)) = (property.get, property.default) else {
                continue;
            };
            assert_eq!(get.value(&object), default.value(), "{}", property.name.en);
        }
    }

    #[test]
    fn the_answers_in_json_have_the_fields_that_the_table_tells() {
        let object = Object::new(HostHandle::detached());
        let settings = TABLE
            .methods
            .iter()
            .find(|method| method.name.en == "Settings")
            .unwrap();
        let mut args = crate::table::Args::new(settings, &mut []).unwrap();
        let Ok(Value::Text(text)) = (settings.call)(&object, &mut args) else {
            panic!("Settings answers no text");
        };
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        for name in json.as_object().unwrap().keys() {
            for doc in [settings.doc.en, settings.doc.ru] {
                assert!(doc.contains(name.as_str()), "{name} is not told of");
            }
        }
    }
}
