//! Signing in to a token, with care that it is not locked by that.

use cryptoki::{
    error::{Error, RvError},
    session::{Session, UserType},
    slot::TokenInfo,
    types::AuthPin,
};

use crate::carriers::{About, CarrierError, pin::PinFile};

/// Signs a session in. One wrong PIN is tried once, and the last try is left to a person.
pub(super) fn sign_in(
    pins: &PinFile,
    session: &Session,
    info: &TokenInfo,
    about: &About,
) -> Result<(), CarrierError> {
    let number = about.number;
    if !info.login_required() {
        return Ok(());
    }
    let pin = pins.of(about)?;
    if info.user_pin_locked() {
        return Err(CarrierError::Locked(number));
    }
    if info.user_pin_final_try() {
        return Err(CarrierError::LastTry(number));
    }
    let secret = AuthPin::new(pin.as_str().into());
    match session.login(UserType::User, Some(&secret)) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(Error::Pkcs11(
            RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
            _,
        )) => {
            pins.refused(about, &pin);
            Err(CarrierError::WrongPin(number))
        }
        Err(Error::Pkcs11(RvError::PinLocked, _)) => Err(CarrierError::Locked(number)),
        Err(error) => Err(super::token::failed(number, error)),
    }
}
