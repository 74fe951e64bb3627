//! Looking at a store's file without changing it.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{StoreError, schema};

/// Whether a file is a whole store that this version knows.
///
/// # Errors
/// Says what is wrong with it; `InUse` when a server has it open.
pub fn check(file: &Path) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::InUse(file.display().to_string())
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StoreError::Damaged(error.to_string(), file.display().to_string())
        }
        _ => StoreError::Disk(format!("{}: {error}", file.display())),
    };
    let database =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    let found = schema::version(&database).map_err(failed)?;
    if found > schema::VERSION {
        return Err(StoreError::Newer {
            found,
            known: schema::VERSION,
        });
    }
    let said: String = database
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(failed)?;
    if said == "ok" {
        Ok(())
    } else {
        Err(StoreError::Damaged(said, file.display().to_string()))
    }
}
