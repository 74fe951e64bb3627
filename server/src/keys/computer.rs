//! The facts of this computer, and the id that names it.

#[cfg(unix)]
#[path = "computer/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "computer/windows.rs"]
mod system;

use std::{env, path::Path};

use protocol::{
    binding::{Fact, FactKind},
    files::read_limited,
};
use sha2::{Digest, Sha256};

/// What is known of this computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Computer {
    /// Its facts, in clear: they never leave the server.
    pub facts: Vec<Fact>,
    /// 40 upper-case hex digits that name it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// As "Debian GNU/Linux 12 (x86_64)".
    pub os_version: String,
}

impl Computer {
    /// Looks at this computer. `machine_id_file` may hold the administrator's id; the variable
    /// `LICENCE_MACHINE_ID` goes before it.
    pub fn look(machine_id_file: &Path) -> Self {
        let explicit = env::var("LICENCE_MACHINE_ID")
            .ok()
            .and_then(|text| usable(&text))
            .or_else(|| {
                let bytes = read_limited(machine_id_file, 4096).ok()?;
                usable(str::from_utf8(&bytes).ok()?)
            });
        let mut facts = system::facts();
        if let Some(value) = explicit {
            facts.push(Fact {
                kind: FactKind::ExplicitId,
                value,
            });
        }
        facts.sort();
        facts.dedup();
        facts.truncate(protocol::binding::MAX_FACTS);
        Self {
            id: id(&facts),
            facts,
            name: system::name(),
            os_version: system::os_version(),
        }
    }
}

impl Computer {
    /// Whether the administrator gave it an id.
    pub fn has_explicit_id(&self) -> bool {
        self.facts
            .iter()
            .any(|fact| fact.kind == FactKind::ExplicitId)
    }

    /// The facts that a licence is bound to: in a container or cloud the administrator's id alone, because all
    /// the others are of whatever host it runs on today; else all but that id.
    pub fn binding(&self, explicit: bool) -> Vec<&Fact> {
        self.facts
            .iter()
            .filter(|fact| (fact.kind == FactKind::ExplicitId) == explicit)
            .collect()
    }
}

/// A value that tells something of this very computer.
fn usable(text: &str) -> Option<String> {
    let text = text.trim();
    let junk = [
        "none",
        "not specified",
        "default string",
        "to be filled by o.e.m.",
        "system serial number",
        "uninitialized",
    ];
    let same = |letter: char| text.chars().all(|other| other == letter || other == '-');
    let empty = text.is_empty() || same('0') || same('F') || same('f');
    (!empty && !junk.contains(&text.to_lowercase().as_str())).then(|| text.to_owned())
}

/// The id is made of what is stable: the administrator's id, else the machine id and the firmware's UUID. Where
/// none of them is, of all that there is.
fn id(facts: &[Fact]) -> String {
    let of = |kinds: &[FactKind]| -> Vec<&Fact> {
        facts
            .iter()
            .filter(|fact| kinds.contains(&fact.kind))
            .collect()
    };
    let mut chosen = of(&[FactKind::ExplicitId]);
    if chosen.is_empty() {
        chosen = of(&[FactKind::MachineId, FactKind::DmiUuid]);
    }
    if chosen.is_empty() {
        chosen = facts.iter().collect();
    }
    let mut hasher = Sha256::new();
    hasher.update(b"licence-computer-v1\0");
    for fact in chosen {
        let value = fact.value.to_uppercase();
        hasher.update([fact.kind as u8]);
        hasher.update((value.len() as u64).to_be_bytes());
        hasher.update(value);
    }
    data_encoding::HEXUPPER.encode(&hasher.finalize()[..20])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_follows_the_explicit_id_or_the_stable_facts_and_nothing_else() {
        let fact = |kind, value: &str| Fact {
            kind,
            value: value.into(),
        };
        let machine = fact(FactKind::MachineId, "ab");
        let plain = id(std::slice::from_ref(&machine));
        assert_eq!(plain.len(), 40);
        assert_eq!(id(&[machine.clone(), fact(FactKind::Mac, "1")]), plain);
        let explicit = fact(FactKind::ExplicitId, "cloud-1");
        assert_eq!(id(&[machine, explicit.clone()]), id(&[explicit]));
    }

    #[test]
    fn placeholders_of_manufacturers_are_no_facts() {
        for junk in [
            "",
            " \n",
            "To be filled by O.E.M.",
            "00000000-0000",
            "FFFFFFFF",
            "None",
        ] {
            assert_eq!(usable(junk), None, "{junk}");
        }
        assert_eq!(usable(" x1\n").as_deref(), Some("x1"));
    }
}
