//! `licence issue`: a licence for the computer that made a request.

use std::{collections::BTreeMap, path::PathBuf};

use protocol::{
    UnixSeconds,
    binding::{self, FactHash},
    cryptkey::CryptKey,
    files::{self, Access},
    licence::{
        Document, Holder, HolderDetails, KeyType, MAX_FILE, MAX_PARAMETERS, Private, Voucher,
    },
    request::{self, Request},
    seal,
};

use crate::{Error, dates, output, printable::printable};

/// What the licence gives, and what it tells of its owner.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The key's number, unique within the vendor's keys.
    pub key_no: u32,
    /// Main, additional or demo.
    pub key_type: KeyType,
    /// How many seats it gives.
    pub count: u32,
    /// For how many days it works; 0 for ever.
    pub period_days: u32,
    /// From when it works; from its issue when not said.
    pub start: Option<UnixSeconds>,
    /// The vendor's functionality bits.
    pub flags: u32,
    /// The vendor's signed values, in the order given.
    pub parameters: Vec<(String, String)>,
    /// The product version's number.
    pub product_version: u32,
    /// 0 ordinary, 1 demo server, 2 cloud subscription, 3 Fresh, 4 and up other.
    pub service_type: u32,
    /// The vendor's registration number.
    pub reg_no: Option<u32>,
    /// The owner's ИНН.
    pub itn: Option<String>,
    /// The owner's КПП.
    pub iec: Option<String>,
    /// The product's name; that of the series when not said.
    pub product_name: Option<String>,
    /// The product version's name.
    pub product_version_name: Option<String>,
    /// The article number.
    pub article: Option<String>,
    /// The article's name.
    pub article_name: Option<String>,
}

/// What is known of the licence's life, for the licence centre.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The code it was activated with.
    pub activation_code: Option<String>,
    /// Until when support is paid.
    pub support_date: Option<UnixSeconds>,
    /// The support's days.
    pub support_period: Option<u32>,
    /// Until when industry support is paid.
    pub industry_support_date: Option<UnixSeconds>,
    /// The industry support's days.
    pub industry_support_period: Option<u32>,
    /// Whether it is issued again to the same computer.
    pub recovered: bool,
    /// When it was last renewed.
    pub update_date: Option<UnixSeconds>,
    /// When the key was first activated, if before the moment of signing.
    pub activation_date: Option<UnixSeconds>,
}

/// The computer that a licence is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Computer {
    /// Its holder key.
    pub holder: Holder,
    /// Its name.
    pub name: String,
    /// The salt of its facts.
    pub salt: [u8; 16],
    /// Its facts, hashed.
    pub facts: Vec<FactHash>,
}

impl From<&Request> for Computer {
    fn from(request: &Request) -> Self {
        Self {
            holder: request.holder.clone(),
            name: request.computer_name.clone(),
            salt: request.salt,
            facts: request.facts.clone(),
        }
    }
}

/// The files of one issuing.
#[derive(Clone, Debug)]
pub struct Issuing {
    /// The computer's request.
    pub request: PathBuf,
    /// The secrets of the series.
    pub cryptkey: PathBuf,
    /// The licence; `KEYID.KEYNO.licence` in the current folder when not said.
    pub out: Option<PathBuf>,
    /// Whether an existing licence is replaced.
    pub replace: bool,
    /// What it gives.
    pub terms: Terms,
}

/// Writes the licence.
///
/// # Errors
/// A request or keys that are cut or altered, terms that contradict each other, an output in the way.
pub fn run(issuing: &Issuing) -> Result<String, Error> {
    let keys = output::read_keys(&issuing.cryptkey)?;
    let bytes = output::read(&issuing.request, request::MAX_FILE)?;
    let request = Request::from_bytes(&bytes).map_err(Error::format(&issuing.request))?;
    if request.facts.is_empty() {
        return Err(Error::NoFacts(issuing.request.clone()));
    }
    let terms = &issuing.terms;
    let computer = Computer::from(&request);
    let document = licence(&keys, &computer, terms, &Record::default(), dates::now())?;
    let out = issuing
        .out
        .clone()
        .unwrap_or_else(|| format!("{}.{}.licence", keys.key_id, terms.key_no).into());
    output::check_output(
        &out,
        issuing.replace,
        &[&issuing.request, &issuing.cryptkey],
    )?;
    let bytes = document.to_bytes();
    if bytes.len() > MAX_FILE {
        return Err(Error::LicenceTooLarge(bytes.len()));
    }
    files::write_whole(&out, &bytes, Access::Shared).map_err(Error::write(&out))?;
    Ok(format!(
        "{out}: series {series}, key {no}, {kind}, {count} seats, {period}, for the server on {computer}.\n",
        out = out.display(),
        series = keys.key_id,
        no = terms.key_no,
        kind = kind_name(terms.key_type),
        count = terms.count,
        period = match terms.period_days {
            0 => "for ever".to_owned(),
            days => format!("{days} days"),
        },
        computer = printable(&request.computer_name),
    ))
}

/// A licence by those terms for that computer. Its period is counted from `issued_at`, so renewals keep that.
///
/// # Errors
/// Terms that contradict each other or break a limit, a holder key that nothing can be sealed to.
pub fn licence(
    keys: &CryptKey,
    computer: &Computer,
    terms: &Terms,
    record: &Record,
    issued_at: UnixSeconds,
) -> Result<Document, Error> {
    if terms.key_type == KeyType::Demo && terms.period_days == 0 {
        return Err(Error::DemoPeriod);
    }
    let content_keys = keys
        .content_keys
        .iter()
        .map(|key| seal::seal(&computer.holder, keys.key_id, key.version, &key.key))
        .collect::<Result<_, _>>()?;
    let private = Private {
        blind: protocol::random_bytes(),
        holders: vec![HolderDetails {
            instance_name: computer.name.clone(),
            salt: computer.salt,
            facts: computer.facts.clone(),
            needed: binding::needed(computer.facts.len()) as u32,
            content_keys,
        }],
        reg_no: terms.reg_no,
        activation_code: record.activation_code.clone(),
        activation_date: record.activation_date.or(Some(issued_at)),
        itn: terms.itn.clone(),
        iec: terms.iec.clone(),
        product_name: terms
            .product_name
            .clone()
            .or_else(|| Some(keys.name.clone())),
        product_version_name: terms.product_version_name.clone(),
        article: terms.article.clone(),
        article_name: terms.article_name.clone(),
        support_date: record.support_date,
        support_period: record.support_period,
        industry_support_date: record.industry_support_date,
        industry_support_period: record.industry_support_period,
        recovered: record.recovered.then_some(true),
        update_date: record.update_date,
    };
    let voucher = Voucher {
        key_id: keys.key_id,
        key_no: terms.key_no,
        key_type: terms.key_type,
        licence_count: terms.count,
        flags: terms.flags,
        service_type: terms.service_type,
        product_version: terms.product_version,
        issued_at,
        start_date: terms.start,
        period_days: terms.period_days,
        parameters: parameters(&terms.parameters)?,
        holders: vec![computer.holder.clone()],
        private_hash: [0; 32],
    };
    Ok(Document::issue(voucher, &private, &keys.signing)?)
}

fn parameters(given: &[(String, String)]) -> Result<BTreeMap<String, String>, Error> {
    if given.len() > MAX_PARAMETERS {
        return Err(Error::TooManyParameters(given.len()));
    }
    let mut parameters = BTreeMap::new();
    for (name, value) in given {
        if parameters.insert(name.clone(), value.clone()).is_some() {
            return Err(Error::ParameterTwice(name.clone()));
        }
    }
    Ok(parameters)
}

/// What people call a kind of key, and the command line too.
pub(crate) const fn kind_name(kind: KeyType) -> &'static str {
    match kind {
        KeyType::Main => "main",
        KeyType::Additional => "additional",
        KeyType::Demo => "demo",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        KeyId,
        binding::{Fact, FactKind},
        cryptkey::ContentKey,
        seal::SealingKey,
        signature::{Algorithm, Secret, SigningKey},
    };

    fn terms() -> Terms {
        Terms {
            key_no: 7,
            key_type: KeyType::Main,
            count: 3,
            period_days: 0,
            start: None,
            flags: 5,
            parameters: vec![("Edition".into(), "Про".into())],
            product_version: 0,
            service_type: 0,
            reg_no: None,
            itn: None,
            iec: None,
            product_name: None,
            product_version_name: None,
            article: None,
            article_name: None,
        }
    }

    fn keys() -> CryptKey {
        let key = |version| ContentKey {
            version,
            key: Secret::random(),
        };
        CryptKey {
            key_id: KeyId(0x672B),
            name: "Склад".into(),
            created_at: 0,
            signing: SigningKey::generate(Algorithm::Ed25519),
            content_keys: vec![key(1), key(2)],
            earlier: None,
        }
    }

    fn request(sealing: &SealingKey) -> Request {
        let fact = |kind| {
            Fact {
                kind,
                value: "x".into(),
            }
            .hash(&[1; 16])
        };
        Request {
            id: [0; 16],
            created_at: 0,
            version: "3.0.1.1".into(),
            computer_name: "app".into(),
            computer_id: "AA".into(),
            server: [2; 32],
            holder: sealing.holder(SigningKey::generate(Algorithm::Ed25519).public().unwrap()),
            salt: [1; 16],
            facts: vec![
                fact(FactKind::MachineId),
                fact(FactKind::DmiUuid),
                fact(FactKind::Mac),
                fact(FactKind::DiskSerial),
            ],
        }
    }

    #[test]
    fn the_computer_that_asked_opens_every_content_key_and_no_other_does() {
        let (keys, sealing) = (keys(), SealingKey::generate());
        let computer = Computer::from(&request(&sealing));
        let document = licence(
            &keys,
            &computer,
            &terms(),
            &Record::default(),
            1_700_000_000,
        )
        .unwrap();
        let read = Document::from_bytes(&document.to_bytes()).unwrap();
        let licence = read.verify(&keys.signing.public().unwrap()).unwrap();
        let holder = &licence.private.holders[0];
        assert_eq!(holder.needed, 3);
        assert_eq!(licence.private.product_name.as_deref(), Some("Склад"));
        for (sealed, key) in holder.content_keys.iter().zip(&keys.content_keys) {
            assert_eq!(sealing.open(keys.key_id, sealed).as_ref(), Ok(&key.key));
            assert!(SealingKey::generate().open(keys.key_id, sealed).is_err());
        }
        assert_eq!(holder.content_keys.len(), 2);
    }

    #[test]
    fn terms_that_contradict_each_other_are_refused() {
        let (keys, request) = (keys(), request(&SealingKey::generate()));
        let computer = Computer::from(&request);
        let refused =
            |terms: Terms| licence(&keys, &computer, &terms, &Record::default(), 0).unwrap_err();
        assert!(matches!(
            refused(Terms {
                key_type: KeyType::Demo,
                ..terms()
            }),
            Error::DemoPeriod
        ));
        let twice = vec![("a".into(), "1".into()), ("a".into(), "2".into())];
        assert!(matches!(
            refused(Terms {
                parameters: twice,
                ..terms()
            }),
            Error::ParameterTwice(_)
        ));
        let many = (0..=MAX_PARAMETERS)
            .map(|n| (n.to_string(), String::new()))
            .collect();
        assert!(matches!(
            refused(Terms {
                parameters: many,
                ..terms()
            }),
            Error::TooManyParameters(257)
        ));
        let long = vec![("a".into(), "x".repeat(40_000))];
        assert!(matches!(
            refused(Terms {
                parameters: long,
                ..terms()
            }),
            Error::Issue(_)
        ));
    }
}
