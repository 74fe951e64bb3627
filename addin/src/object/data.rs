//! Datafiles and their objects.

use std::{sync::Arc, time::Instant};

use protocol::{Reason, signature::Secret};

use super::Object;
use crate::{
    datafile::DataFile,
    link::CALL_LIMIT,
    table::{CallError, Deferred, Value},
    texts::{self, error_with},
};

impl Object {
    /// Loads a datafile from binary data or from a file. It tells the series and its key, unless the code
    /// set them: then it must agree with them.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or is of another series.
    pub fn load_data(&self, source: Value) -> Result<(), CallError> {
        let (key_id, key) = {
            let wishes = self.wishes.lock();
            (wishes.key_id, wishes.public_keys.clone())
        };
        let file = match source {
            Value::Blob(bytes) => DataFile::from_bytes(bytes, key.as_ref()),
            Value::Text(path) => DataFile::from_file(&path, key.as_ref()),
            _ => Err(texts::error(Reason::BadArgument)),
        }?;
        let found = file.directory().directory.key_id;
        if let Some(wanted) = key_id.filter(|wanted| *wanted != found) {
            let detail = format!("({found} ≠ {wanted})");
            return Err(error_with(Reason::OtherSeries, &detail, &detail));
        }
        *self.data.lock() = Some(file);
        Ok(())
    }

    fn data(&self) -> Result<Arc<DataFile>, CallError> {
        let data = self.data.lock().clone();
        data.ok_or_else(|| texts::error(Reason::NoDataFile))
    }

    /// The objects of the loaded datafile, JSON.
    ///
    /// # Errors
    /// No datafile is loaded.
    pub fn list_objects(&self) -> Result<String, CallError> {
        Ok(self.data()?.to_json().to_string())
    }

    /// An object as binary data.
    ///
    /// # Errors
    /// No datafile, no licence, no such object, or no key for it.
    pub fn object(&self, name: &str) -> Result<Deferred, CallError> {
        let data = self.data()?;
        let key = self.object_key(&data, name)?;
        data.deferred(name, key)
    }

    /// Writes an object to a file.
    ///
    /// # Errors
    /// As [`Object::object`], and when the file cannot be written.
    pub fn object_to_file(&self, name: &str, path: &str) -> Result<(), CallError> {
        let data = self.data()?;
        let key = self.object_key(&data, name)?;
        data.write(name, &key, path)
    }

    /// The object's key: from the server as long as one answers, so that the seat is checked each time;
    /// in grace the kept one of an object that was opened before.
    fn object_key(&self, data: &DataFile, name: &str) -> Result<Secret, CallError> {
        let entry = data.object(name)?;
        let owner = self.owner()?;
        let session = self
            .session()
            .ok_or_else(|| texts::error(Reason::NoLicenceObtained))?;
        let seat = self.seat()?;
        if seat.voucher.key_id != data.directory().directory.key_id {
            return Err(texts::error(Reason::OtherSeries));
        }
        if seat.voucher.flags & entry.flags != entry.flags {
            return Err(texts::error(Reason::ObjectFlags));
        }
        let directory = data.directory();
        let object = (directory.hash, name.to_owned());
        if session.grace_ends().is_some() {
            let kept = session.kept_key(&object);
            return kept.ok_or_else(|| texts::error(Reason::ConnectionLost));
        }
        let deadline = Instant::now() + CALL_LIMIT;
        let asked = owner
            .connection()
            .object_key(&session, directory, name, deadline);
        match asked {
            Ok(key) => {
                session.keep_key(object, key.clone());
                Ok(key)
            }
            // The server stopped answering during this very call, and grace began with that.
            Err(error) if session.grace_ends().is_some() => session.kept_key(&object).ok_or(error),
            Err(error) => Err(error),
        }
    }
}
