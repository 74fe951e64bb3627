//! Who holds a licence and signs for it: this computer, or a carrier.

use std::sync::Arc;

use protocol::{
    binding::{Fact, FactHash, FactKind},
    licence::{Holder, HolderDetails},
    signature::{Context, Signed, Signs},
};

use super::{HolderError, HolderKeys, Installed, KeyRing};
use crate::carriers::About;

/// A holder, and what a licence of its is bound to.
pub(super) struct Signer<'a> {
    ring: &'a KeyRing,
    secrets: Secrets,
    /// The public halves.
    pub(super) holder: Holder,
}

enum Secrets {
    Computer(Box<HolderKeys>),
    Carrier(Arc<About>),
}

impl<'a> Signer<'a> {
    /// This computer, with a holder key made where there is none.
    pub(super) fn computer(ring: &'a KeyRing) -> Result<Self, HolderError> {
        let keys = ring.holder_keys()?;
        let holder = keys
            .holder()
            .map_err(|error| HolderError::Key("server.holder".into(), error))?;
        Ok(Self {
            ring,
            secrets: Secrets::Computer(Box::new(keys)),
            holder,
        })
    }

    /// A connected carrier, with a holder key made inside where there is none.
    pub(super) fn carrier(ring: &'a KeyRing, number: u32) -> Result<Self, HolderError> {
        let mut carriers = ring.carriers.lock();
        let present = carriers.find(number)?;
        let holder = match &present.holder {
            Some(holder) => holder.clone(),
            None => {
                let made = present.carrier.make_holder();
                present.read();
                made?
            }
        };
        Ok(Self {
            ring,
            secrets: Secrets::Carrier(Arc::new(present.carrier.about().clone())),
            holder,
        })
    }

    /// Whoever holds an installed licence.
    pub(super) fn of(ring: &'a KeyRing, installed: &Installed) -> Result<Self, HolderError> {
        match &installed.carrier {
            Some(about) => Self::carrier(ring, about.number),
            None => Self::computer(ring),
        }
    }

    /// Its name for people.
    pub(super) fn name(&self) -> String {
        let computer = &self.ring.computer.name;
        match &self.secrets {
            Secrets::Computer(_) => computer.clone(),
            Secrets::Carrier(about) => {
                format!("{computer}, {} {}", about.kind.name(), about.number)
            }
        }
    }

    /// 40 hex digits that name it.
    pub(super) fn id(&self) -> String {
        match &self.secrets {
            Secrets::Computer(_) => self.ring.computer.id.clone(),
            Secrets::Carrier(about) => about.id(),
        }
    }

    /// The facts that a new licence is bound to, hashed.
    pub(super) fn facts(&self, salt: &[u8; 16]) -> Vec<FactHash> {
        self.hashed(self.ring.computer.has_explicit_id(), salt)
    }

    /// The facts that a licence of those details is compared by, hashed.
    pub(super) fn facts_for(&self, details: &HolderDetails) -> Vec<FactHash> {
        let explicit = details
            .facts
            .iter()
            .any(|fact| fact.kind == FactKind::ExplicitId);
        self.hashed(explicit, &details.salt)
    }

    fn hashed(&self, explicit: bool, salt: &[u8; 16]) -> Vec<FactHash> {
        let facts: Vec<Fact> = match &self.secrets {
            Secrets::Computer(_) => {
                let facts = self.ring.computer.binding(explicit);
                facts.into_iter().cloned().collect()
            }
            Secrets::Carrier(about) => about.facts(),
        };
        facts.iter().map(|fact| fact.hash(salt)).collect()
    }
}

impl Signs for Signer<'_> {
    type Error = HolderError;

    fn sign(&self, context: Context, payload: Vec<u8>) -> Result<Signed, HolderError> {
        match &self.secrets {
            Secrets::Computer(keys) => keys
                .signing
                .sign(context, payload)
                .map_err(|error| HolderError::Key("server.holder".into(), error)),
            Secrets::Carrier(about) => {
                let mut carriers = self.ring.carriers.lock();
                let present = carriers.find(about.number)?;
                Ok(present.carrier.sign_as(&self.holder, context, payload)?)
            }
        }
    }
}
