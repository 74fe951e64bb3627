//! Which of two copies of the component works: the one from the configuration's template, or the one that was
//! installed on the computer.

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use super::Object;
use crate::{
    native::{installed, module::module_path},
    place::installed::State,
    table::Language,
};

impl Object {
    /// `TemplateVersion`: of the copy in the configuration's template, which is this one unless it is the installed.
    #[must_use]
    pub fn template_version(&self) -> Cow<'static, str> {
        match &self.template {
            Some(template) => template.version.to_string().into(),
            None => protocol::Version::CURRENT_TEXT.into(),
        }
    }

    /// The working module and what became of the installed one, for `Settings()`.
    pub(super) fn module_json(&self, language: Language) -> Json {
        let file = module_path().map(|path| path.display().to_string());
        let installed = match &self.template {
            Some(_) => json!({
                "State": "used",
                "File": file,
                "Reason": "",
            }),
            None => {
                let state = installed::state();
                json!({
                    "State": state.word(),
                    "File": state.file().map(|path| path.display().to_string()),
                    "Reason": match &state {
                        State::Refused(_, refusal) => refusal.text(language),
                        _ => String::new(),
                    },
                })
            }
        };
        json!({
            "Version": protocol::Version::CURRENT_TEXT,
            "File": file,
            "TemplateVersion": self.template_version(),
            "TemplateFile": self.template.as_ref().map(|template| &template.file).or(file.as_ref()),
            "Installed": installed,
        })
    }
}
