//! The administrator's password: argon2id, and a way not to pay for it at every request.

use argon2::{
    Argon2, PasswordHash, PasswordHasher, PasswordVerifier,
    password_hash::{SaltString, rand_core::OsRng},
};

use super::Lang;

const DEFAULT: &str = "admin";

/// A password as the conf has it: plain until the start hashes it, then a hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    text: String,
    hashed: bool,
    default: bool,
}

/// A password that cannot be hashed, or a hash that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password cannot be used: {0}; write another one")]
pub struct PasswordError(String);

impl PasswordError {
    /// The message in a language.
    pub fn text(&self, lang: Lang) -> String {
        let Self(why) = self;
        lang.pick(
            self.to_string(),
            format!("пароль не подходит: {why}; напишите другой"),
        )
    }
}

impl Password {
    /// The value of `Password=`.
    ///
    /// # Errors
    /// When it begins as a hash and is none.
    pub fn from_conf(text: &str) -> Result<Self, PasswordError> {
        if !text.starts_with("$argon2") {
            return Ok(Self {
                text: text.into(),
                hashed: false,
                default: text == DEFAULT,
            });
        }
        let hash = PasswordHash::new(text).map_err(|error| PasswordError(error.to_string()))?;
        if hash.hash.is_none() {
            return Err(PasswordError("the hash is cut".into()));
        }
        let mut password = Self {
            text: text.into(),
            hashed: true,
            default: false,
        };
        password.default = password.verifies(DEFAULT);
        Ok(password)
    }

    /// A plain password, hashed with a new salt.
    ///
    /// # Errors
    /// When argon2 refuses it (it is absurdly long).
    pub fn hashed(plain: &str) -> Result<Self, PasswordError> {
        let salt = SaltString::generate(&mut OsRng);
        let hash = Argon2::default()
            .hash_password(plain.as_bytes(), &salt)
            .map_err(|error| PasswordError(error.to_string()))?;
        Ok(Self {
            text: hash.to_string(),
            hashed: true,
            default: plain == DEFAULT,
        })
    }

    /// The plain password, if it is not hashed yet.
    pub fn plain(&self) -> Option<&str> {
        (!self.hashed).then_some(self.text.as_str())
    }

    /// What the conf has.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is the one that everybody knows.
    pub fn is_default(&self) -> bool {
        self.default
    }

    /// Whether that is the password. Takes tens of milliseconds: never call it on a thread that serves others.
    pub fn verifies(&self, plain: &str) -> bool {
        if !self.hashed {
            return self.text == plain;
        }
        PasswordHash::new(&self.text).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(plain.as_bytes(), &hash)
                .is_ok()
        })
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}
