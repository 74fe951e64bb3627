//! Whose process the server is. Started by root although its folder belongs to a user of its own, it goes on as that user:
//! else its files would be root's, and the service could not read them any more.

use std::{
    env, fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::Command,
};

/// Starts this program again under the folder's owner, if this process is root's and the folder is not.
///
/// # Errors
/// Only when that was necessary and failed; the text says what to do.
pub(crate) fn become_owner_of(folder: &Path) -> Result<(), String> {
    // The owner of a process is the owner of its folder in /proc; where there is none, nothing is known and nothing done.
    let (Ok(process), Ok(folder)) = (fs::metadata("/proc/self"), fs::metadata(folder)) else {
        return Ok(());
    };
    if process.uid() != 0 || folder.uid() == 0 {
        return Ok(());
    }
    let error = match env::current_exe() {
        Ok(program) => Command::new(program)
            .args(env::args_os().skip(1))
            .uid(folder.uid())
            .gid(folder.gid())
            // Comes back only with an error.
            .exec(),
        Err(error) => error,
    };
    Err(format!(
        "the server cannot go on as user {} who owns its folder ({error}); start it with: service licenceserver start",
        folder.uid()
    ))
}
